"""Losses. The code is in `nnlab.engine.losses`."""

from nnlab.catalogue.choice import Choice, Task

_LABELS: tuple[Task, ...] = ("classification",)
_NUMBERS: tuple[Task, ...] = ("regression",)

LOSSES = (
    Choice(
        "cross_entropy",
        "minus the log of the softmax at the target's class",
        "Bishop 2006, eq. 4.108; label smoothing: Szegedy et al. 2016, section 7",
        defaults={"label_smoothing": 0.0},
        tasks=_LABELS,
    ),
    Choice(
        "nll",
        "minus the log-probability of the target's class; for models that put out log-softmax",
        "Bishop 2006, eq. 4.108",
        tasks=_LABELS,
    ),
    Choice(
        "bce",
        "each class against the rest by a sigmoid, summed over the classes",
        "Bishop 2006, eq. 4.90",
        tasks=_LABELS,
    ),
    Choice(
        "hinge",
        "max(0, 1 + best wrong output - right output)",
        "Crammer and Singer 2001, eq. 8",
        tasks=_LABELS,
    ),
    Choice("mse", "mean squared error", "Bishop 2006, eq. 3.12", tasks=_NUMBERS),
    Choice("l1", "mean absolute error", "Boyd and Vandenberghe 2004, section 6.1", tasks=_NUMBERS),
    Choice(
        "huber",
        "squared below delta, linear above",
        "Huber 1964",
        defaults={"huber_delta": 1.0},
        tasks=_NUMBERS,
    ),
)
