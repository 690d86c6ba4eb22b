"""The built-in faults and the healthy recipes of nnlab's own models; the halves share none."""

from collections.abc import Mapping
from typing import Any

_FITTED_HEALTHY: Mapping[str, Mapping[str, Any]] = {
    "adam": {"opt": "adam", "lr": 1e-3},
    "adam quick": {"opt": "adam", "lr": 5e-3, "decay": "cosine"},
    "sgd step": {"opt": "nesterov", "lr": 0.05, "decay": "step", "decay_every": 12},
    "dropout": {"opt": "adam", "lr": 2e-3, "dropout": 0.2, "decay": "cosine"},
    "batch norm": {"opt": "adam", "lr": 2e-3, "norm": "batch", "depth": 3, "decay": "linear"},
    "restarts": {"opt": "adam", "lr": 3e-3, "decay": "cosine", "decay_restarts": 3},
    "onecycle": {"opt": "adam", "lr": 1e-2, "decay": "onecycle"},
    "small batches": {"opt": "adam", "lr": 1e-3, "batch_size": 8, "decay": "cosine"},
    "tanh": {"opt": "adam", "lr": 2e-3, "activation": "tanh", "decay": "cosine"},
    "weight decay": {"opt": "adamw", "lr": 3e-3, "weight_decay": 0.05, "decay": "cosine"},
    "full batch": {"opt": "adam", "lr": 1e-2, "batch_size": "full", "epochs": 150},
}
_UNSEEN_HEALTHY: Mapping[str, Mapping[str, Any]] = {
    "adamw": {"opt": "adamw", "lr": 2e-3},
    "rmsprop": {"opt": "rmsprop", "lr": 1e-3, "decay": "cosine"},
    "momentum linear": {"opt": "momentum", "lr": 0.03, "decay": "linear"},
    "layer norm": {"opt": "adam", "lr": 2e-3, "norm": "layer", "depth": 3, "decay": "cosine"},
    "adam step": {"opt": "adam", "lr": 4e-3, "decay": "step", "decay_every": 15},
    "elu": {"opt": "adamw", "lr": 2e-3, "activation": "elu", "decay": "linear"},
    "strong dropout": {"opt": "adam", "lr": 3e-3, "dropout": 0.4, "width": 64, "decay": "cosine"},
    "large batches": {"opt": "adam", "lr": 6e-3, "batch_size": 128, "decay": "cosine"},
    "two cycles": {"opt": "adamw", "lr": 3e-3, "decay": "cosine", "decay_restarts": 2},
}
HEALTHY = {"fitted": _FITTED_HEALTHY, "unseen": _UNSEEN_HEALTHY}

# Name, code, accepted codes, setting.
Fault = tuple[str, str, tuple[str, ...], Mapping[str, Any]]
_FITTED_FAULTS: tuple[Fault, ...] = (
    ("lr too high, adam", "NN202", ("NN201",), {"opt": "adam", "lr": 1.0}),
    ("lr too high, momentum", "NN202", ("NN201",), {"opt": "momentum", "lr": 3.0}),
    ("lr far too high", "NN201", ("NN202",), {"opt": "sgd", "lr": 100.0}),
    ("lr too low, adam", "NN203", (), {"opt": "adam", "lr": 3e-6}),
    ("lr too low, sgd", "NN203", (), {"opt": "sgd", "lr": 1e-5}),
    ("too few epochs", "NN105", (), {"opt": "adam", "lr": 5e-4, "epochs": 5}),
    (
        "deep sigmoid",
        "NN301",
        (),
        {"opt": "sgd", "lr": 0.05, "activation": "sigmoid", "depth": 8, "init": "xavier"},
    ),
    (
        "deep sigmoid, adam",
        "NN301",
        (),
        {"opt": "adam", "lr": 1e-4, "activation": "sigmoid", "depth": 12, "init": "xavier"},
    ),
    (
        "init too large",
        "NN305",
        (),
        {"opt": "sgd", "lr": 1e-3, "depth": 6, "init": "normal", "init_scale": 1.0},
    ),
    (
        "init too small",
        "NN305",
        (),
        {"opt": "sgd", "lr": 0.01, "depth": 6, "init": "normal", "init_scale": 0.01},
    ),
    ("zero weights", "NN306", (), {"opt": "adam", "lr": 1e-3, "init": "zeros", "depth": 2}),
    ("dead units", "NN303", (), {"opt": "adam", "lr": 1e-3, "bias_init": -20.0, "depth": 2}),
    (
        "saturated units",
        "NN304",
        (),
        {
            "opt": "sgd", "lr": 1e-3, "activation": "tanh", "depth": 3,
            "init": "normal", "init_scale": 3.0,
        },
    ),
    ("dropout 0.95", "NN307", (), {"opt": "adam", "lr": 1e-3, "dropout": 0.95, "depth": 3}),
    ("second softmax", "NN308", (), {"opt": "adam", "lr": 5e-3, "model": "softmax"}),
    (
        "batch size 1",
        "NN204",
        ("NN202",),
        {"opt": "sgd", "lr": 0.15, "batch_size": 1, "epochs": 15},
    ),
)  # fmt: skip
_UNSEEN_FAULTS: tuple[Fault, ...] = (
    ("lr too high, adamw", "NN202", ("NN201",), {"opt": "adamw", "lr": 2.0}),
    ("lr too high, nesterov", "NN202", ("NN201",), {"opt": "nesterov", "lr": 4.0}),
    ("lr far too high, momentum", "NN201", ("NN202",), {"opt": "momentum", "lr": 50.0}),
    ("lr too low, rmsprop", "NN203", (), {"opt": "rmsprop", "lr": 1e-6}),
    ("lr too low, nesterov", "NN203", (), {"opt": "nesterov", "lr": 2e-6}),
    ("only four epochs", "NN105", (), {"opt": "adamw", "lr": 4e-4, "epochs": 4}),
    (
        "deep sigmoid, momentum",
        "NN301",
        (),
        {"opt": "momentum", "lr": 0.01, "activation": "sigmoid", "depth": 9, "init": "xavier"},
    ),
    (
        "deep sigmoid, adamw",
        "NN301",
        (),
        {"opt": "adamw", "lr": 2e-4, "activation": "sigmoid", "depth": 14, "init": "xavier"},
    ),
    (
        "init far too large",
        "NN305",
        (),
        {"opt": "momentum", "lr": 1e-4, "depth": 5, "init": "normal", "init_scale": 1.5},
    ),
    (
        "init far too small",
        "NN305",
        (),
        {"opt": "momentum", "lr": 0.01, "depth": 5, "init": "normal", "init_scale": 0.005},
    ),
    ("zero weights, sgd", "NN306", (), {"opt": "sgd", "lr": 0.1, "init": "zeros", "depth": 3}),
    ("dead units, bias -10", "NN303", (), {"opt": "adamw", "lr": 1e-3, "bias_init": -10.0}),
    (
        "saturated units, deep",
        "NN304",
        ("NN305",),
        {
            "opt": "sgd", "lr": 1e-3, "activation": "tanh", "depth": 4,
            "init": "normal", "init_scale": 4.0,
        },
    ),
    ("dropout 0.9", "NN307", (), {"opt": "adamw", "lr": 1e-3, "dropout": 0.9, "depth": 3}),
    ("second softmax, adamw", "NN308", (), {"opt": "adamw", "lr": 3e-3, "model": "softmax"}),
    (
        "batch size 1, nesterov",
        "NN204",
        ("NN202",),
        {"opt": "nesterov", "lr": 0.03, "batch_size": 1, "epochs": 12},
    ),
)  # fmt: skip
FAULTS = {"fitted": _FITTED_FAULTS, "unseen": _UNSEEN_FAULTS}
