"""Models. The code is in `nnlab.engine.models`, with one file per model."""

from nnlab.catalogue.choice import ALL_TASKS, Choice, Task

# One vector of outputs per example; reconstructions are reshaped.
_VECTOR_TASKS: tuple[Task, ...] = ("classification", "regression", "multilabel", "reconstruction")
_TOKEN_TASKS: tuple[Task, ...] = ("token_classification", "language_modeling")
_SEQUENCE_TASKS: tuple[Task, ...] = (*_VECTOR_TASKS, *_TOKEN_TASKS)

# Models that take tokens.
TOKEN_MODELS = ("transformer", "lstm", "gru")

# The model of a run that names none; resolution replaces it by a model that fits the data.
AUTO = "auto"

MODELS = (
    Choice(
        AUTO,
        "mlp; lstm if the examples are tokens, unet if each pixel has a class",
        tasks=ALL_TASKS,
    ),
    Choice(
        "mlp",
        "fully connected: depth hidden layers of width units, or any widths",
        "Rumelhart et al. 1986",
        defaults={
            "width": 128,
            "depth": 2,
            "widths": None,
            "bottleneck": None,
            "activation": "relu",
            "init": "msra",
            "bias_init": 0.0,
            "norm": "none",
            "dropout": 0.0,
            "dropconnect": 0.0,
        },
        tasks=_VECTOR_TASKS,
        display_name="MLP",
    ),
    Choice(
        "cnn",
        "depth blocks of 3x3 convolutions; each block doubles the number of channels; images; fully"
        " convolutional in segmentation",
        "Simonyan and Zisserman 2015; Long et al. 2015",
        defaults={
            "width": 16,
            "depth": 2,
            "activation": "relu",
            "init": "msra",
            "bias_init": 0.0,
            "norm": "none",
            "dropout": 0.0,
            "channel_dropout": 0.0,
        },
        tasks=(*_VECTOR_TASKS, "segmentation"),
        display_name="CNN",
    ),
    Choice(
        "resnet",
        "residual blocks of 3x3 convolutions, depth = 8, 14, 20, ... 110 layers; images",
        "He et al. 2016",
        defaults={
            "width": 16,
            "depth": 8,
            "activation": "relu",
            "init": "msra",
            "bias_init": 0.0,
            "norm": "batch",
            "dropout": 0.0,
            "channel_dropout": 0.0,
            "stochastic_depth": 0.0,
        },
        tasks=_VECTOR_TASKS,
        display_name="ResNet",
    ),
    Choice(
        "wide_resnet",
        "fewer, wider residual blocks, depth = 10, 16, 22, ... layers; images",
        "Zagoruyko and Komodakis 2016",
        defaults={
            "width": 16,
            "depth": 10,
            "widen": 2,
            "activation": "relu",
            "init": "msra",
            "bias_init": 0.0,
            "norm": "batch",
            "dropout": 0.0,
            "channel_dropout": 0.0,
            "stochastic_depth": 0.0,
        },
        tasks=_VECTOR_TASKS,
        display_name="Wide ResNet",
    ),
    Choice(
        "transformer",
        "depth blocks of attention over patches of an image or a signal, or over tokens; causal in"
        " language models",
        "Vaswani et al. 2017; Dosovitskiy et al. 2021",
        defaults={
            "width": 64,
            "depth": 2,
            "heads": 4,
            "patch": 4,
            "activation": "gelu",
            "init": "xavier",
            "bias_init": 0.0,
            "norm": "layer",
            "dropout": 0.0,
            "stochastic_depth": 0.0,
        },
        tasks=_SEQUENCE_TASKS,
        display_name="Transformer",
    ),
    Choice(
        "lstm",
        "depth recurrent layers with memory cells and gates; tokens, signals, rows of images",
        "Hochreiter and Schmidhuber 1997; Gers et al. 2000",
        defaults={"width": 128, "depth": 1, "init": "xavier", "bias_init": 0.0, "dropout": 0.0},
        tasks=_SEQUENCE_TASKS,
        display_name="LSTM",
    ),
    Choice(
        "gru",
        "depth recurrent layers with two gates; tokens, signals, rows of images",
        "Cho et al. 2014",
        defaults={"width": 128, "depth": 1, "init": "xavier", "bias_init": 0.0, "dropout": 0.0},
        tasks=_SEQUENCE_TASKS,
        display_name="GRU",
    ),
    Choice(
        "unet",
        "a U-Net that halves the image depth times: one output per pixel; images",
        "Ronneberger et al. 2015",
        defaults={
            "width": 8,
            "depth": 2,
            "activation": "relu",
            "init": "msra",
            "bias_init": 0.0,
            "norm": "batch",
            "dropout": 0.0,
            "channel_dropout": 0.0,
        },
        tasks=("segmentation", "reconstruction"),
        display_name="U-Net",
    ),
    Choice(
        "linear",
        "softmax or linear regression: one layer",
        defaults={"init": "msra", "bias_init": 0.0},
        tasks=_VECTOR_TASKS,
        display_name="linear model",
    ),
    Choice(
        "task",
        "the modules of your own task, see --task file.py:NAME",
        tasks=("custom",),
    ),
    Choice(
        "module:",
        "your own: file.py:NAME or package.module:NAME, a class or function that returns a model",
        defaults={"model_output": None},
        tasks=ALL_TASKS,
    ),
    Choice(
        "timm:",
        "timm:NAME, an architecture of the package timm, without pretrained weights; images",
        "Wightman 2019",
        defaults={"model_output": None},
        tasks=("classification", "regression", "multilabel"),
    ),
    Choice(
        "hf:",
        "hf:NAME or hf:FOLDER, an architecture of transformers, or a model that it has saved",
        "Wolf et al. 2020",
        defaults={"model_output": None},
        tasks=("classification", "regression", "multilabel"),
    ),
)
