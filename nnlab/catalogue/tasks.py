"""Kinds of targets, and user tasks, which define what is trained and measured themselves."""

from nnlab.catalogue.choice import Choice

# The value of `data`, `model`, `opt` or `decay` if the user's task defines it.
DEFINED_BY_TASK = "task"

TASKS = (
    Choice("classification", "one class per example", tasks=("classification",)),
    Choice("regression", "one or several numbers per example", tasks=("regression",)),
    Choice("multilabel", "any number of tags per example", tasks=("multilabel",)),
    Choice("token_classification", "one class per token", tasks=("token_classification",)),
    Choice("language_modeling", "the next token of each token", tasks=("language_modeling",)),
    Choice("segmentation", "one class per pixel", tasks=("segmentation",)),
    Choice("reconstruction", "the input itself, as for an autoencoder", tasks=("reconstruction",)),
    Choice(
        "unsupervised",
        "no targets: the loss of the user takes the outputs alone",
        tasks=("unsupervised",),
    ),
    Choice(
        "module:",
        "your own: file.py:NAME or package.module:NAME, a class with training_step, or a"
        " LightningModule",
        tasks=("custom",),
    ),
)
