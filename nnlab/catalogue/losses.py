"""Losses. The code is in `nnlab.engine.losses`."""

from nnlab.catalogue.choice import ALL_TASKS, DENSE_TASKS, Choice, Task

# One class for each example, token or pixel.
_CLASSES: tuple[Task, ...] = ("classification", *DENSE_TASKS)
_TAGS: tuple[Task, ...] = ("classification", "multilabel")
_NUMBERS: tuple[Task, ...] = ("regression", "reconstruction")

LOSSES = (
    Choice(
        "cross_entropy",
        "negative log-softmax of the target class",
        "Bishop 2006, eq. 4.108; label smoothing: Szegedy et al. 2016, section 7",
        defaults={"label_smoothing": 0.0, "class_weights": None},
        tasks=_CLASSES,
        display_name="cross entropy",
    ),
    Choice(
        "nll",
        "negative log-probability of the target class; for models that return log-softmax",
        "Bishop 2006, eq. 4.108",
        defaults={"class_weights": None},
        tasks=_CLASSES,
        display_name="negative log likelihood",
    ),
    Choice(
        "bce",
        "binary cross-entropy of each class against the rest, summed over the classes; multilabel:"
        " of each tag, mean over the tags",
        "Bishop 2006, eq. 4.90",
        defaults={"pos_weight": None},
        tasks=_TAGS,
        display_name="binary cross entropy",
    ),
    Choice(
        "hinge",
        "max(0, 1 + largest wrong output - correct output)",
        "Crammer and Singer 2001, eq. 8",
        tasks=("classification",),
        display_name="hinge loss",
    ),
    Choice(
        "mse",
        "mean squared error; size_average=False in old code is --reduction sum",
        "Bishop 2006, eq. 3.12",
        tasks=_NUMBERS,
        display_name="squared error",
    ),
    Choice(
        "l1",
        "mean absolute error",
        "Boyd and Vandenberghe 2004, section 6.1",
        tasks=_NUMBERS,
        display_name="absolute error",
    ),
    Choice(
        "huber",
        "squared error below delta, linear above",
        "Huber 1964",
        defaults={"huber_delta": 1.0},
        tasks=_NUMBERS,
        display_name="Huber loss",
    ),
    Choice(
        "module:",
        "your own: file.py:NAME or package.module:NAME, a function or module of outputs, targets",
        tasks=ALL_TASKS,
    ),
)
