"""Kinds of targets, and user tasks, which define what is trained and measured themselves."""

from nnlab.catalogue.choice import Choice

# The value of `data`, `model`, `opt` or `decay` if the user's task defines it.
DEFINED_BY_TASK = "task"

TASKS = (
    Choice("classification", "the target is one class per example", tasks=("classification",)),
    Choice("regression", "the target is a number per example", tasks=("regression",)),
    Choice(
        "module:",
        "your own: file.py:NAME or package.module:NAME, a class with training_step, or a"
        " LightningModule",
        tasks=("custom",),
    ),
)
