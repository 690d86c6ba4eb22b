"""The names that other programs give to the curves that nnlab diagnoses."""

from collections.abc import Mapping, Sequence

# The accepted names of each column, in lower case with words joined by _.
COLUMN_ALIASES: Mapping[str, tuple[str, ...]] = {
    "epoch": ("epoch", "epochs", "step"),
    "train_loss": ("train_loss", "training_loss", "loss", "train"),
    "val_loss": ("val_loss", "valid_loss", "validation_loss", "dev_loss", "test_loss", "val"),
    "train_acc": (
        "train_acc", "train_accuracy", "training_accuracy", "training_acc", "accuracy", "acc",
    ),
    "val_acc": (
        "val_acc", "val_accuracy", "valid_acc", "validation_accuracy", "valid_accuracy",
        "validation_acc", "test_acc", "test_accuracy",
    ),
    "lr": ("lr", "learning_rate"),
}  # fmt: skip
METRIC_NAMES = {
    "train_loss": "train/loss",
    "val_loss": "val/loss",
    "train_acc": "train/accuracy",
    "val_acc": "val/accuracy",
    "lr": "lr",
}

_SPLITS = ("train/", "val/", "test/")


def normalize_name(name: str) -> str:
    """The name in lower case with words joined by _: `Val/Loss` becomes val_loss."""
    joined = "".join(letter if letter.isalnum() else "_" for letter in name.lower())
    return "_".join(part for part in joined.split("_") if part)


def metrics_by_name(names: Sequence[str]) -> dict[str, str]:
    """The metric that each name stands for; a name that is not recognized stands for itself.

    Of several names for one metric the usual one is taken, and the others stand for themselves.

    >>> metrics_by_name(["loss", "val_loss", "test_loss"])
    {'loss': 'train/loss', 'val_loss': 'val/loss', 'test_loss': 'test_loss'}
    """
    metrics = {name: name for name in names}
    usual_names = {name for name in names if name.startswith(_SPLITS) or name == "lr"}
    by_alias = {normalize_name(name): name for name in reversed(names) if name not in usual_names}
    for column, aliases in COLUMN_ALIASES.items():
        metric = METRIC_NAMES.get(column)
        match = next((alias for alias in aliases if alias in by_alias), None)
        if metric is not None and match is not None and metric not in usual_names:
            metrics[by_alias[match]] = metric
    return metrics
