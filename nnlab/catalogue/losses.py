"""Losses. The code is in `nnlab.engine.losses`."""

from nnlab.catalogue.choice import Choice, Task

_CLASSIFICATION_ONLY: tuple[Task, ...] = ("classification",)
_REGRESSION_ONLY: tuple[Task, ...] = ("regression",)

LOSSES = (
    Choice(
        "cross_entropy",
        "minus the log of the softmax at the target's class",
        "Bishop 2006, eq. 4.108; label smoothing: Szegedy et al. 2016, section 7",
        defaults={"label_smoothing": 0.0},
        tasks=_CLASSIFICATION_ONLY,
    ),
    Choice(
        "nll",
        "minus the log-probability of the target's class; for models that put out log-softmax",
        "Bishop 2006, eq. 4.108",
        tasks=_CLASSIFICATION_ONLY,
    ),
    Choice(
        "bce",
        "each class against the rest by a sigmoid, summed over the classes",
        "Bishop 2006, eq. 4.90",
        tasks=_CLASSIFICATION_ONLY,
    ),
    Choice(
        "hinge",
        "max(0, 1 + best wrong output - right output)",
        "Crammer and Singer 2001, eq. 8",
        tasks=_CLASSIFICATION_ONLY,
    ),
    Choice("mse", "mean squared error", "Bishop 2006, eq. 3.12", tasks=_REGRESSION_ONLY),
    Choice(
        "l1",
        "mean absolute error",
        "Boyd and Vandenberghe 2004, section 6.1",
        tasks=_REGRESSION_ONLY,
    ),
    Choice(
        "huber",
        "squared below delta, linear above",
        "Huber 1964",
        defaults={"huber_delta": 1.0},
        tasks=_REGRESSION_ONLY,
    ),
)
