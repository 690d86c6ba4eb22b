"""RunConfig: the fields of a setting.

A field whose default is None takes it from the catalogue row that it belongs to (`lr` from the
optimizer, `width` from the model); where no chosen row names the field it stays None, for it
does nothing there.
"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from nnlab.config.option import Option

_DATA, _AUGMENT, _MODEL, _TRANSFER = "Data", "Augmentation", "Model", "Transfer"
# The largest integer of SQLite.
MAX_SEED = 2**63 - 1

_LOSS, _OPTIM, _DECAY, _RUN = "Loss and penalties", "Optimizer", "Learning rate", "Run"


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One run: a setting and a seed. Made by `resolve`, which fills in what is left open."""

    data: Annotated[str, Option("data set", _DATA, kind="data")] = "digits"
    samples: Annotated[
        int | None,
        Option("size of a generated set", _DATA, of="data", unit="examples"),
        Ge(10),
        Le(10_000_000),
    ] = None
    data_noise: Annotated[
        float | None, Option("noise in a generated set", _DATA, of="data"), Ge(0), Le(100)
    ] = None
    data_seed: Annotated[
        int | None,
        Option("seed of a generated set", _DATA, of="data", no_effect_value=0),
        Ge(0),
        Le(MAX_SEED),
    ] = None
    classes: Annotated[
        str | None,
        Option("only these classes: 0-4, or 0+3+7, or names joined by +", _DATA),
    ] = None
    train_size: Annotated[
        int | None,
        Option("train on so much of the training split", _DATA, unit="examples"),
        Ge(2),
    ] = None
    label_noise: Annotated[
        float,
        Option("share of the training labels made wrong on purpose", _DATA, no_effect_value=0.0),
        Ge(0),
        Lt(1),
    ] = 0.0
    inputs: Annotated[str, Option("what is done to the inputs", _DATA, kind="inputs")] = (
        "standardise"
    )
    val_fraction: Annotated[
        float, Option("share of the data held out to select by", _DATA), Gt(0), Le(0.5)
    ] = 0.15
    test_fraction: Annotated[
        float | None,
        Option(
            "share of the data opened once at the end; 0.15 where the set has no test split",
            _DATA,
        ),
        Gt(0),
        Le(0.5),
    ] = None
    split_seed: Annotated[
        int,
        Option("seed of the split; the same for all seeds of a trial", _DATA, no_effect_value=0),
        Ge(0),
        Le(MAX_SEED),
    ] = 0
    data_version: Annotated[str | None, "SHA-256 of a data file; None for a built-in set"] = None

    augment: Annotated[
        str,
        Option(
            "changes of the images, drawn anew each time: flip+shift",
            _AUGMENT,
            kind="augment",
            no_effect_value="none",
        ),
    ] = "none"
    augment_shift: Annotated[
        int | None, Option("farthest shift", _AUGMENT, of="augment", unit="pixels"), Ge(1)
    ] = None
    augment_rotate: Annotated[
        float | None,
        Option("widest rotation to either side", _AUGMENT, of="augment", unit="degrees"),
        Gt(0),
        Le(180),
    ] = None
    augment_scale: Annotated[
        float | None,
        Option("largest change of size: 0.1 is 10 %", _AUGMENT, of="augment"),
        Gt(0),
        Lt(1),
    ] = None
    augment_erase: Annotated[
        float | None,
        Option("side of the erased square, of the image's", _AUGMENT, of="augment"),
        Gt(0),
        Le(1),
    ] = None
    augment_brightness: Annotated[
        float | None,
        Option("largest change of brightness, in sds of the inputs", _AUGMENT, of="augment"),
        Gt(0),
    ] = None
    augment_noise: Annotated[
        float | None,
        Option("sd of the noise, in sds of the inputs", _AUGMENT, of="augment"),
        Gt(0),
    ] = None
    mixup: Annotated[
        float,
        Option("alpha of mixup: blends pairs of examples; 0 is off", _AUGMENT, no_effect_value=0.0),
        Ge(0),
    ] = 0.0
    cutmix: Annotated[
        float,
        Option(
            "alpha of cutmix: pastes a part of another image; 0 is off",
            _AUGMENT,
            no_effect_value=0.0,
        ),
        Ge(0),
    ] = 0.0

    model: Annotated[str, Option("model", _MODEL, kind="model")] = "mlp"
    width: Annotated[
        int | None,
        Option("units (convolutions: channels) of a layer", _MODEL, of="model"),
        Ge(1),
        Le(65536),
    ] = None
    depth: Annotated[
        int | None,
        Option("hidden layers (cnn, transformer: blocks; resnets: layers)", _MODEL, of="model"),
        Ge(1),
        Le(1000),
    ] = None
    widths: Annotated[
        str | None,
        Option(
            "hidden layers one by one, in place of width and depth: 256,128;"
            " a semicolon begins the next trial",
            _MODEL,
            of="model",
            commas=True,
        ),
    ] = None
    widen: Annotated[
        int | None, Option("times that a wide resnet is wider", _MODEL, of="model"), Ge(1), Le(64)
    ] = None
    heads: Annotated[
        int | None, Option("heads of attention", _MODEL, of="model"), Ge(1), Le(1024)
    ] = None
    patch: Annotated[
        int | None,
        Option("side of a patch (sequences: its length)", _MODEL, of="model"),
        Ge(1),
        Le(1024),
    ] = None
    activation: Annotated[
        str | None, Option("activation function", _MODEL, kind="activation", of="model")
    ] = None
    slope: Annotated[
        float | None,
        Option("slope below zero (elu: alpha)", _MODEL, of="activation", no_effect_value=0.01),
        Ge(0),
        Le(10),
    ] = None
    pieces: Annotated[
        int | None, Option("linear pieces of maxout", _MODEL, of="activation"), Ge(2), Le(64)
    ] = None
    init: Annotated[
        str | None, Option("initialisation of the weights", _MODEL, kind="init", of="model")
    ] = None
    init_scale: Annotated[
        float | None,
        Option(
            "normal: sd; uniform: farthest from 0; else a factor on the weights",
            _MODEL,
            of="init",
            no_effect_value=1.0,
        ),
        Ge(0),
        Le(1000),
    ] = None
    fan: Annotated[
        str | None,
        Option(
            "which side of a layer msra keeps in scale",
            _MODEL,
            of="init",
            one_of=("in", "out"),
            no_effect_value="in",
        ),
    ] = None
    bias_init: Annotated[
        float | None,
        Option("what biases start at", _MODEL, of="model", no_effect_value=0.0),
        Ge(-1000),
        Le(1000),
    ] = None
    norm: Annotated[str | None, Option("normalisation layer", _MODEL, kind="norm", of="model")] = (
        None
    )
    norm_place: Annotated[
        str | None,
        Option(
            "before or after the activation",
            _MODEL,
            of="norm",
            one_of=("before", "after"),
            no_effect_value="before",
        ),
    ] = None
    norm_groups: Annotated[
        int | None, Option("groups of channels", _MODEL, of="norm"), Ge(1), Le(65536)
    ] = None
    norm_momentum: Annotated[
        float | None,
        Option(
            "share of a batch in the running statistics", _MODEL, of="norm", no_effect_value=0.1
        ),
        Gt(0),
        Le(1),
    ] = None
    norm_eps: Annotated[
        float | None,
        Option("added to the variance", _MODEL, of="norm", no_effect_value=1e-5),
        Gt(0),
        Le(1),
    ] = None
    dropout: Annotated[
        float | None,
        Option("share of activations dropped while training", _MODEL, of="model"),
        Ge(0),
        Lt(1),
    ] = None
    channel_dropout: Annotated[
        float | None,
        Option(
            "share of whole channels dropped while training",
            _MODEL,
            of="model",
            no_effect_value=0.0,
        ),
        Ge(0),
        Lt(1),
    ] = None
    dropconnect: Annotated[
        float | None,
        Option("share of weights dropped while training", _MODEL, of="model", no_effect_value=0.0),
        Ge(0),
        Lt(1),
    ] = None
    stochastic_depth: Annotated[
        float | None,
        Option(
            "chance that the last block is skipped while training",
            _MODEL,
            of="model",
            no_effect_value=0.0,
        ),
        Ge(0),
        Lt(1),
    ] = None
    model_version: Annotated[str | None, "SHA-256 of a user model's file; None for a built-in"] = (
        None
    )

    start_from: Annotated[
        str | None,
        Option(
            "begin with the weights of a run (its number) or of a file of weights",
            _TRANSFER,
            flag_name="--from",
        ),
    ] = None
    freeze: Annotated[
        str | None,
        Option(
            "parameters that stay as they are: all-but-head, or a pattern of names as 0.*",
            _TRANSFER,
        ),
    ] = None
    unfreeze_at: Annotated[
        int,
        Option("epoch after which all parameters move; 0 is never", _TRANSFER, no_effect_value=0),
        Ge(0),
    ] = 0
    head_lr_factor: Annotated[
        float,
        Option("times that the head's learning rate is larger", _TRANSFER, no_effect_value=1.0),
        Gt(0),
        Le(1000),
    ] = 1.0
    depth_lr_factor: Annotated[
        float,
        Option(
            "learning rate of a layer, of that of the layer above it",
            _TRANSFER,
            no_effect_value=1.0,
        ),
        Gt(0),
        Le(1),
    ] = 1.0
    start_version: Annotated[str | None, "SHA-256 of the weights begun with; None without"] = None

    loss: Annotated[
        str | None,
        Option("loss; by the task: cross_entropy for classes, mse for numbers", _LOSS, kind="loss"),
    ] = None
    reduction: Annotated[
        str,
        Option("how a batch's losses become one", _LOSS, kind="reduction", no_effect_value="mean"),
    ] = "mean"
    huber_delta: Annotated[
        float | None,
        Option("error from which huber is linear", _LOSS, of="loss"),
        Gt(0),
        Le(1000),
    ] = None
    label_smoothing: Annotated[
        float | None,
        Option(
            "share of the target spread over all classes", _LOSS, of="loss", no_effect_value=0.0
        ),
        Ge(0),
        Lt(1),
    ] = None
    l1: Annotated[
        float,
        Option("penalty: so much times the sum of |weights|", _LOSS, no_effect_value=0.0),
        Ge(0),
        Le(100),
    ] = 0.0
    l2: Annotated[
        float,
        Option("penalty: half so much times the sum of weights²", _LOSS, no_effect_value=0.0),
        Ge(0),
        Le(100),
    ] = 0.0

    opt: Annotated[str, Option("optimizer", _OPTIM, kind="opt")] = "adam"
    lr: Annotated[
        float | None, Option("learning rate at the start", _OPTIM, of="opt"), Gt(0), Le(1000)
    ] = None
    momentum: Annotated[float | None, Option("momentum", _OPTIM, of="opt"), Ge(0), Lt(1)] = None
    beta1: Annotated[
        float | None, Option("memory of the mean gradient", _OPTIM, of="opt"), Ge(0), Lt(1)
    ] = None
    beta2: Annotated[
        float | None, Option("memory of the mean squared gradient", _OPTIM, of="opt"), Ge(0), Lt(1)
    ] = None
    eps: Annotated[
        float | None,
        Option("added to what the gradient is divided by", _OPTIM, of="opt", no_effect_value=1e-8),
        Gt(0),
        Le(1),
    ] = None
    weight_decay: Annotated[
        float | None, Option("weight decay, biases excepted", _OPTIM, of="opt"), Ge(0), Le(100)
    ] = None
    memory: Annotated[
        int | None, Option("steps that lbfgs remembers", _OPTIM, of="opt"), Ge(1), Le(1000)
    ] = None
    inner_steps: Annotated[
        int | None,
        Option(
            "most iterations inside a step: of lbfgs, of newton-cg's conjugate gradients",
            _OPTIM,
            of="opt",
        ),
        Ge(1),
        Le(1000),
    ] = None
    damping: Annotated[
        float | None, Option("added to the curvature", _OPTIM, of="opt"), Ge(0), Le(1000)
    ] = None
    clip: Annotated[
        float,
        Option("largest gradient norm, longer ones are cut; 0 is off", _OPTIM, no_effect_value=0.0),
        Ge(0),
    ] = 0.0
    clip_value: Annotated[
        float,
        Option(
            "largest entry of a gradient, larger ones are cut; 0 is off",
            _OPTIM,
            no_effect_value=0.0,
        ),
        Ge(0),
    ] = 0.0
    average: Annotated[
        str,
        Option(
            "average of the weights that is evaluated",
            _OPTIM,
            kind="average",
            no_effect_value="none",
        ),
    ] = "none"
    average_decay: Annotated[
        float | None, Option("memory of ema, a step", _OPTIM, of="average"), Gt(0), Lt(1)
    ] = None
    average_from: Annotated[
        float | None,
        Option("share of the epochs after which swa averages", _OPTIM, of="average"),
        Ge(0),
        Lt(1),
    ] = None
    batch_size: Annotated[
        int | str | None,
        Option(
            "examples in a step, or full for all of them",
            _OPTIM,
            of="opt",
            fallback_default=64,
            words=("full",),
            unit="examples",
        ),
        Ge(1),
        Le(1_000_000),
    ] = None

    decay: Annotated[str, Option("decay of the learning rate", _DECAY, kind="decay")] = "none"
    decay_rate: Annotated[
        float | None, Option("k of exp and inv", _DECAY, of="decay", unit="1/epoch"), Gt(0), Le(100)
    ] = None
    decay_every: Annotated[
        int | None, Option("length of a step", _DECAY, of="decay", unit="epochs"), Ge(1)
    ] = None
    decay_factor: Annotated[
        float | None, Option("what a step multiplies by", _DECAY, of="decay"), Gt(0), Lt(1)
    ] = None
    decay_at: Annotated[
        str | None,
        Option(
            "epochs of multistep, or shares of all: 10,20 or 0.5,0.75;"
            " a semicolon begins the next trial",
            _DECAY,
            of="decay",
            commas=True,
        ),
    ] = None
    decay_power: Annotated[
        float | None, Option("power of poly", _DECAY, of="decay"), Gt(0), Le(100)
    ] = None
    decay_patience: Annotated[
        int | None,
        Option("epochs without a better val/loss before a step", _DECAY, of="decay", unit="epochs"),
        Ge(1),
    ] = None
    decay_restarts: Annotated[
        int | None,
        Option("times that cosine starts again", _DECAY, of="decay", no_effect_value=0),
        Ge(0),
        Le(1000),
    ] = None
    decay_share: Annotated[
        float | None,
        Option("wsd: share of the epochs that decays; onecycle: that rises", _DECAY, of="decay"),
        Gt(0),
        Lt(1),
    ] = None
    decay_floor: Annotated[
        float | None,
        Option("share of lr that is left at the end", _DECAY, of="decay", no_effect_value=0.0),
        Ge(0),
        Le(1),
    ] = None
    decay_per: Annotated[
        str,
        Option(
            "whether lr moves at each step or each epoch",
            _DECAY,
            one_of=("step", "epoch"),
            no_effect_value="step",
        ),
    ] = "step"
    warmup: Annotated[
        float,
        Option("linear rise to lr before the decay", _DECAY, unit="epochs", no_effect_value=0.0),
        Ge(0),
    ] = 0.0

    epochs: Annotated[
        int, Option("passes over the training split", _RUN, unit="epochs"), Ge(1), Le(1_000_000)
    ] = 30
    early_stop: Annotated[
        int,
        Option(
            "stop after so many epochs without a new best; 0 is off",
            _RUN,
            unit="epochs",
            no_effect_value=0,
        ),
        Ge(0),
    ] = 0
    stop_on: Annotated[
        str,
        Option(
            "end the run when one of these is found: NN101,NN2xx; grids are separated by ;",
            _RUN,
            commas=True,
            no_effect_value="",
        ),
    ] = ""
    objective: Annotated[
        str | None,
        Option(
            "metric:min|max that selects the epoch; by the task: val/accuracy:max, val/loss:min",
            _RUN,
        ),
    ] = None
    exact_train: Annotated[
        bool,
        Option(
            "measure the training split again after each epoch, dropout off",
            _RUN,
            flag=True,
            no_effect_value=False,
        ),
    ] = False
    probe: Annotated[
        str,
        Option(
            "how much is measured inside the model", _RUN, kind="probe", no_effect_value="light"
        ),
    ] = "light"
    device: Annotated[str, Option("device", _RUN, kind="device")] = "auto"
    dtype: Annotated[str, Option("number format", _RUN, kind="dtype")] = "float32"
    compile: Annotated[
        bool, Option("compile the model before training", _RUN, flag=True, no_effect_value=False)
    ] = False
    channels_last: Annotated[
        bool,
        Option(
            "keep images with their channels last in memory", _RUN, flag=True, no_effect_value=False
        ),
    ] = False
    threads: Annotated[
        int | None,
        Option("processor threads; by the model's size where not given", _RUN),
        Ge(1),
        Le(1024),
    ] = None
    seed: Annotated[
        int, Option("seed of weights, order and dropout", _RUN), Ge(0), Le(MAX_SEED)
    ] = 0
