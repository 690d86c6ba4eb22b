"""Readable names of metrics and settings for axes, legends and tables."""

from collections.abc import Mapping

from nnlab.config import setting_fields
from nnlab.config.arguments import is_argument

_SPLIT_NAMES: Mapping[str, str] = {"train": "training", "val": "validation", "test": "test"}

_QUANTITY_NAMES: Mapping[str, str] = {
    "loss": "loss",
    "loss_exact": "loss",
    "accuracy": "accuracy",
    "accuracy_exact": "accuracy",
    "mean_iou": "mean intersection over union",
    "exact_match": "share of exact matches",
    "f1": "F1",
    "r2": "R²",
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "lr": "learning rate",
    "grad_norm": "gradient norm",
    "time/epoch": "time of an epoch (s)",
    "energy/joules": "energy of an epoch (J)",
    "probe/activation_sd": "sd of the activations",
    "probe/activation_mean": "mean of the activations",
    "probe/dead": "share of dead units",
    "probe/zeros": "share of zeros",
    "probe/saturated": "share of saturated activations",
    "probe/grad_norm": "gradient norm",
    "probe/update_ratio": "ratio of update to weights",
    "probe/gradient_noise": "gradient noise scale (examples)",
    "probe/rise": "rise of the loss",
    "probe/sharpness": "largest eigenvalue of the Hessian",
}

_LOSS_NAMES: Mapping[str, str] = {
    "cross_entropy": "cross entropy, nats",
    "mse": "mean squared error",
    "l1": "mean absolute error",
    "huber": "Huber",
}

# Settings whose full name says more than the name of their option.
_SETTING_NAMES: Mapping[str, str] = {
    "lr": "Learning rate",
    "opt": "Optimizer",
    "init": "Initialisation",
    "init_scale": "Scale of the initialisation",
    "bias_init": "Initialisation of the biases",
    "decay": "Learning rate decay",
    "l1": "L1 penalty",
    "l2": "L2 penalty",
    "norm": "Normalisation",
    "inputs": "Scaling of the inputs",
    "data": "Data set",
    "augment": "Augmentation",
    "beta1": "β₁",
    "beta2": "β₂",
    "eps": "ε",
    "early_stop": "Patience of early stopping",
}


def split_of(metric: str) -> str | None:
    """The split in a metric's name, such as `val` of `val/loss`; None if it has none.

    >>> split_of("val/loss"), split_of("lr")
    ('val', None)
    """
    split, slash, _ = metric.partition("/")
    return split if slash and split in _SPLIT_NAMES else None


def quantity_of(metric: str) -> str:
    """The quantity of a metric without its split; metrics of one quantity share a panel.

    >>> quantity_of("val/loss"), quantity_of("train/loss_exact"), quantity_of("lr")
    ('loss', 'loss', 'lr')
    """
    quantity = metric.split("/", 1)[1] if split_of(metric) else metric
    return quantity.removesuffix("_exact")


def quantity_name(quantity: str, loss: str | None = None) -> str:
    """The name of a quantity with its unit; `loss` names the loss in the catalogue.

    >>> quantity_name("loss", "cross_entropy"), quantity_name("accuracy")
    ('Loss (cross entropy, nats)', 'Accuracy')
    """
    return _capitalised(_quantity_with_unit(quantity, loss))


def metric_name(metric: str, loss: str | None = None) -> str:
    """The full name of a metric; an unknown metric gets its key as words.

    >>> metric_name("val/loss", "cross_entropy")
    'Validation loss (cross entropy, nats)'
    >>> metric_name("val/top5_recall")
    'Validation top5 recall'
    >>> metric_name("probe/dead/2")
    'Share of dead units, layer 2'
    """
    split = split_of(metric)
    quantity = _quantity_with_unit(quantity_of(metric), loss)
    return _capitalised(f"{_SPLIT_NAMES[split]} {quantity}" if split else quantity)


def setting_name(field: str) -> str:
    """The name of a setting with its unit, for axis labels and table headings.

    >>> setting_name("lr"), setting_name("batch_size")
    ('Learning rate', 'Batch size (examples)')
    """
    if is_argument(field):
        return field
    name = _SETTING_NAMES.get(field) or _capitalised(field.replace("_", " "))
    setting = setting_fields().get(field)
    unit = setting.option.unit if setting else ""
    return f"{name} ({unit})" if unit and unit != name.lower() else name


def _quantity_with_unit(quantity: str, loss: str | None) -> str:
    full_name = _QUANTITY_NAMES.get(quantity)
    if full_name is None:
        head, _, layer = quantity.rpartition("/")
        if layer.isdigit() and head in _QUANTITY_NAMES:
            return f"{_QUANTITY_NAMES[head]}, layer {layer}"
    name = full_name or quantity.replace("_", " ").replace("/", " ")
    if quantity == "loss" and loss:
        return f"{name} ({_LOSS_NAMES.get(loss, loss.replace('_', ' '))})"
    return name


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
