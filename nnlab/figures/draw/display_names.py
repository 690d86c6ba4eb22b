"""Readable names of metrics, settings, their values and trials, for axes, legends and tables."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from nnlab.analysis.records import ARM_FIELD
from nnlab.catalogue import find_builtin, split_names
from nnlab.figures.draw.reader_options import displayed
from nnlab.objective import Scalar, Setting
from nnlab.settings import ExternalName, as_stored_name, builtin_fields, setting_fields
from nnlab.settings.arguments import is_argument
from nnlab.settings.setting_differences import format_value

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
    "probe/gradient_ratio": "gradient, first over last layer",
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
    "init_gain": "Gain of the initialisation",
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

# Settings in the name of a trial, where the value follows: "lr 0.01".
_SHORT_SETTING_NAMES: Mapping[str, str] = {
    "lr": "lr",
    "l1": "L1",
    "l2": "L2",
    "beta1": "β₁",
    "beta2": "β₂",
    "eps": "ε",
    "init_scale": "init scale",
    "init_gain": "init gain",
}
# Models whose depth is part of their name, as in "ResNet-8".
_DEPTH_IN_NAME = ("resnet", "wide_resnet")


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
    return displayed(_capitalised(_quantity_with_unit(quantity, loss)), quantity)


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
    name = _capitalised(f"{_SPLIT_NAMES[split]} {quantity}" if split else quantity)
    return displayed(name, metric)


def setting_name(field: str) -> str:
    """The name of a setting with its unit, for axis labels and table headings.

    >>> setting_name("lr"), setting_name("batch_size")
    ('Learning rate', 'Batch size (examples)')
    """
    if is_argument(field) or isinstance(field, ExternalName):
        return displayed(field)
    name = _SETTING_NAMES.get(field) or _capitalised(field.replace("_", " "))
    setting = setting_fields().get(field)
    unit = setting.option.unit if setting else ""
    with_unit = f"{name} ({unit})" if unit and unit != name.lower() else name
    return displayed(with_unit, field, name)


def setting_phrase(field: str) -> str:
    """The name of a setting within a sentence, without its unit.

    >>> setting_phrase("lr"), setting_phrase("batch_size"), setting_phrase("l2")
    ('learning rate', 'batch size', 'L2 penalty')
    """
    name = setting_name(field).partition(" (")[0]
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def value_name(field: str, value: Scalar) -> str:
    """The name of a value of a setting: the display name of a choice, or the exact value.

    >>> value_name("opt", "adam"), value_name("lr", 0.01), value_name("decay", "none")
    ('Adam', '0.01', 'no decay')
    """
    text = format_value(value)
    return displayed(_choice_name(field, value) or text, text)


def trial_name(setting: Setting, fields: Sequence[str]) -> str:
    """The name of a trial made of the values of some fields, those that distinguish it.

    >>> trial_name({"opt": "adam", "lr": 0.01, "momentum": None}, ["opt", "lr", "momentum"])
    'Adam, lr 0.01'
    >>> trial_name({"model": "resnet", "depth": 8, "batch_size": 32}, ["depth", "batch_size"])
    'ResNet-8, batch size 32'
    """
    model = builtin_fields(setting).get("model")
    is_depth_in_name = "depth" in fields and model in _DEPTH_IN_NAME
    parts = []
    for name in ["model", *fields] if is_depth_in_name and "model" not in fields else fields:
        value = setting.get(name)
        if value is None or (name == "depth" and is_depth_in_name):
            continue
        if name == "model" and is_depth_in_name:
            parts.append(displayed(f"{value_name(name, value)}-{setting['depth']}"))
        else:
            parts.append(_value_with_field(as_stored_name(name, [setting]), value))
    return displayed(", ".join(parts))


def _value_with_field(field: str, value: Scalar) -> str:
    """A value that is understood without the heading of a column."""
    if field == ARM_FIELD and not isinstance(field, ExternalName):
        return displayed(format_value(value))
    if _choice_name(field, value):
        return value_name(field, value)
    is_external = isinstance(field, ExternalName)
    short = field if is_external else _SHORT_SETTING_NAMES.get(field) or field.replace("_", " ")
    if isinstance(value, bool):
        return displayed(short if value else f"no {short}")
    return f"{displayed(short, field)} {value_name(field, value)}"


def _choice_name(field: str, value: Scalar) -> str:
    """The display name of a built-in choice or of the user's class; empty for other values."""
    setting = None if isinstance(field, ExternalName) else setting_fields().get(field)
    kind = setting.option.catalogue if setting else None
    if kind is None or not isinstance(value, str):
        return ""
    names = []
    for part in split_names(kind, value):
        row = find_builtin(kind, part)
        if row is None:
            return ""
        # Code and data of the user are named by the class or the file, not by a folder.
        own = PurePath(part.rpartition(":")[2]).name
        names.append(own if row.name.endswith(":") else row.display_name or row.name)
    return " + ".join(names)


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
