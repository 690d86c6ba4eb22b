"""The names that training programs give to metrics: their split, and the usual name.

`val_loss`, `eval/loss`, `validation-loss` and `Loss/valid` are one metric. This is the only table
of such names: imports, `nnlab diagnose` and the diagnosis of recorded runs use it.
"""

import re
from typing import Literal

Split = Literal["train", "val", "test"]

_SPLIT_WORDS: dict[str, Split] = {
    "train": "train", "training": "train", "tr": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val", "eval": "val",
    "evaluation": "val", "test": "test", "testing": "test",
}  # fmt: skip
_QUANTITIES = {
    "acc": "accuracy", "learning_rate": "lr", "ppl": "perplexity", "gradient_norm": "grad_norm",
}  # fmt: skip
# Names of a classification's accuracy in Keras, torchmetrics, timm, ImageNet scripts and TRL.
ACCURACIES = (
    *("accuracy", "top1", "acc1", "top_1", "acc@1", "prec@1", "prec1", "top1_accuracy", "top1_acc"),
    *("top_1_accuracy", "accuracy_top1", "accuracy_top_1", "sparse_categorical_accuracy"),
    *("categorical_accuracy", "binary_accuracy", "multiclassaccuracy", "binaryaccuracy"),
    *("multiclass_accuracy", "accuracy_score", "mean_token_accuracy", "token_accuracy"),
)
# Names of the loss that is minimised, where a program does not call it `loss`.
LOSSES = (
    *("loss", "total_loss", "loss_total", "loss_mean", "nll_loss", "ce_loss", "cross_entropy"),
    *("nll", "logloss", "log_loss", "mlogloss", "mse", "mse_loss", "mae", "rmse"),
)
# Beginnings and ends of names that say how often a value was logged, or over what it was averaged.
_SUFFIXES = re.compile(r"(?:_epoch|_avg|_mean|_dataloader_idx_0|/dataloader_idx_0)+$")
_PREFIXES = re.compile(r"^(?:epoch|avg|mean|running)_(?=loss|acc|accuracy|learning_rate|lr)")
_WORD = re.compile(r"[^a-z0-9@.]+")
# A dot that is not part of a number, as in train.loss, and the words of trainLoss.
_DOT = re.compile(r"(?<![0-9])\.|\.(?![0-9])")
_CAMEL_SPLIT = re.compile(r"\b(train|training|val|valid|validation|test|eval|dev)(?=[A-Z])")
_LEARNING_RATE = re.compile(r"(?:lr|learning_rate)(?:_.*)?")


def normalize_name(name: str) -> str:
    """The name in lower case with words joined by _.

    >>> normalize_name("Val/Loss"), normalize_name("train loss (epoch)"), normalize_name("valAcc")
    ('val_loss', 'train_loss_epoch', 'val_acc')
    """
    name = _DOT.sub("_", _CAMEL_SPLIT.sub(r"\1_", name)).lower()
    return "_".join(part for part in _WORD.split(name) if part)


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
    >>> usual_name("validation/epoch_loss"), usual_name("train/learning_rate")
    ('val/loss', 'lr')
    >>> usual_name("lr-Adam"), usual_name("weights/norm"), usual_name("loss")
    ('lr', 'weights/norm', 'loss')
    """
    split, quantity = split_of(name), quantity_of(name)
    if quantity == "lr":
        return "lr"
    if split is None:
        return quantity if quantity == "grad_norm" else name
    return f"{split}/{quantity}" if quantity else name


def quantity_of(name: str) -> str:
    """What a metric measures, without its split: empty for the name of a split alone.

    >>> quantity_of("Val Acc"), quantity_of("val_loss/dataloader_idx_0"), quantity_of("train")
    ('accuracy', 'loss', '')
    """
    words = [word for word in normalize_name(name).split("_") if word not in _SPLIT_WORDS]
    quantity = _PREFIXES.sub("", _SUFFIXES.sub("", "_".join(words)))
    if _LEARNING_RATE.fullmatch(quantity):
        return "lr"
    return _QUANTITIES.get(quantity, quantity)


def name_with_split(name: str, split: Split) -> str:
    """The usual name of a metric of a framework that leaves out the split in some names.

    >>> name_with_split("loss", "train"), name_with_split("eval_loss", "train")
    ('train/loss', 'val/loss')
    >>> name_with_split("learning_rate", "train")
    'lr'
    """
    usual = usual_name(name)
    return usual if usual == "lr" or split_of(name) is not None else f"{split}/{usual}"
