"""The names that training programs give to metrics: their split, and the usual name.

`val_loss`, `eval/loss`, `validation-loss` and `Loss/valid` are one metric.
"""

import re
from typing import Literal

Split = Literal["train", "val", "test"]

_SPLIT_WORDS: dict[str, Split] = {
    "train": "train", "training": "train", "tr": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val", "eval": "val",
    "evaluation": "val", "test": "test", "testing": "test",
}  # fmt: skip
_QUANTITIES = {"acc": "accuracy", "learning_rate": "lr", "ppl": "perplexity"}
# Ends of names that say how often a value was logged, or over what it was averaged.
_EPOCH_SUFFIX = re.compile(r"_(?:epoch|avg|mean)$")
_WORD = re.compile(r"[^a-z0-9@.]+")


def normalize_name(name: str) -> str:
    """The name in lower case with words joined by _.

    >>> normalize_name("Val/Loss"), normalize_name("train loss (epoch)")
    ('val_loss', 'train_loss_epoch')
    """
    return "_".join(part for part in _WORD.split(name.lower()) if part)


def split_of(name: str) -> Split | None:
    """The split that a metric was measured on, if its name says so.

    >>> split_of("eval_loss"), split_of("Accuracy/train"), split_of("lr"), split_of("latest")
    ('val', 'train', None, None)
    """
    words = normalize_name(name).split("_")
    for word in (words[0], words[-1], *words[1:-1]):
        if (split := _SPLIT_WORDS.get(word)) is not None:
            return split
    return None


def is_evaluation(name: str) -> bool:
    """Whether a metric was measured on data that the run was not trained on."""
    return split_of(name) in ("val", "test")


def usual_name(name: str) -> str:
    """The name that nnlab gives to the metric; a name that is not understood is unchanged.

    >>> usual_name("eval_loss"), usual_name("train_loss_epoch"), usual_name("Accuracy/valid")
    ('val/loss', 'train/loss', 'val/accuracy')
    >>> usual_name("learning_rate"), usual_name("weights/norm")
    ('lr', 'weights/norm')
    """
    normalized = normalize_name(name)
    split = split_of(name)
    words = [word for word in normalized.split("_") if word not in _SPLIT_WORDS]
    quantity = _EPOCH_SUFFIX.sub("", "_".join(words))
    quantity = _QUANTITIES.get(quantity, quantity)
    if split is None:
        return quantity if quantity == "lr" else name
    return f"{split}/{quantity}" if quantity else name
