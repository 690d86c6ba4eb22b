"""Models. The code is in `nnlab.engine.models`, one file each."""

from nnlab.catalogue.choice import Choice

MODELS = (
    Choice(
        "mlp",
        "fully connected: depth hidden layers of width units",
        "Rumelhart et al. 1986",
        defaults={
            "width": 128,
            "depth": 2,
            "activation": "relu",
            "init": "msra",
            "norm": "none",
            "dropout": 0.0,
        },
    ),
    Choice(
        "cnn",
        "depth blocks of 3x3 convolutions, doubling width channels from block to block; images",
        "Simonyan and Zisserman 2015",
        defaults={
            "width": 16,
            "depth": 2,
            "activation": "relu",
            "init": "msra",
            "norm": "none",
            "dropout": 0.0,
        },
    ),
    Choice("linear", "softmax or linear regression: one layer", defaults={"init": "msra"}),
)
