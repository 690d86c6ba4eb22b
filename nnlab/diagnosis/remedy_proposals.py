"""The changes of the setting that each finding proposes, the most promising first."""

import math
from collections.abc import Callable, Iterator, Mapping

from nnlab.catalogue import find_builtin
from nnlab.records import Finding, Scalar, Setting

Changes = Mapping[str, Scalar]
NamedChanges = Iterator[tuple[str, Changes]]

# A batch with less noise in its gradient than a very small one.
_MIN_BATCH, _USUAL_BATCH = 8, 32
# The range of onsets for which fewer epochs are proposed; the largest is a share of the epochs.
_MIN_EPOCHS, _MAX_ONSET = 3, 0.8
# A learning rate whose ratio to the usual one is larger is probably not what was intended.
_MAX_USUAL_RATIO = 10.0


def propose_changes(finding: Finding, setting: Setting) -> NamedChanges:
    """The named changes that may remedy a finding; some may equal the setting already.

    Args:
        finding: the finding.
        setting: the setting of the run; fields that it does not have are not changed.
    """
    proposals = _PROPOSALS.get(finding.code)
    if proposals is not None:
        yield from proposals(setting)
    if finding.code in ("NN101", "NN102", "NN107"):
        yield from _shorter(finding, setting)


def _number(setting: Setting, field: str, default: float = 0.0) -> float:
    value = setting.get(field)
    return float(value) if isinstance(value, int | float) else default


def _is_off(setting: Setting, field: str) -> bool:
    """Whether the setting has a field, and it is 0."""
    return field in setting and _number(setting, field) == 0


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")


def _scaled_lr(setting: Setting, factor: float) -> NamedChanges:
    lr = _number(setting, "lr")
    if lr > 0:
        multiple = f"{factor:.0f} times" if factor >= 1 else f"1/{1 / factor:.0f} of"
        yield f"{multiple} the learning rate", {"lr": _two_digits(lr * factor)}


def _usual_lr(setting: Setting) -> float | None:
    """The default learning rate of the optimizer; None if it is not built in, or unknown."""
    choice = find_builtin("opt", str(setting.get("opt")))
    lr = None if choice is None else choice.defaults.get("lr")
    return float(lr) if isinstance(lr, int | float) else None


def _decades_to_usual_lr(setting: Setting) -> int:
    """How many powers of ten (rounded up) the usual learning rate is away; at least 3."""
    lr, usual = _number(setting, "lr"), _usual_lr(setting)
    if lr <= 0 or not usual:
        return 3
    return max(3, math.ceil(abs(math.log10(usual / lr)) - 0.5))


def _powers_of_ten(decades: int) -> tuple[float, ...]:
    """Three factors up to that power of ten, evenly spaced.

    >>> _powers_of_ten(3), _powers_of_ten(5)
    ((10.0, 100.0, 1000.0), (100.0, 1000.0, 100000.0))
    """
    return tuple(10.0 ** round(step * decades / 3) for step in (1, 2, 3))


def _dropout_field(setting: Setting) -> str:
    return "channel_dropout" if setting.get("model") in ("cnn", "resnet") else "dropout"


def _overfitting(setting: Setting) -> NamedChanges:
    """More (varied) data, regularisation, and a smaller network; early stopping limits the harm."""
    if setting.get("augment") == "none":
        images = setting.get("model") in ("cnn", "resnet", "wide_resnet")
        yield "augmentation", {"augment": "shift" if images else "noise"}
    field = _dropout_field(setting)
    if field in setting:
        rate = _number(setting, field)
        yield "dropout", {field: _two_digits(min(0.5, rate + 0.3))}
    if "l2" in setting:
        yield "L2 penalty", {"l2": _two_digits(max(10 * _number(setting, "l2"), 1e-2))}
    if _is_off(setting, "label_smoothing") and setting.get("loss") == "cross_entropy":
        yield "label smoothing", {"label_smoothing": 0.1}
    if _is_off(setting, "early_stop"):
        patience = max(3, round(_number(setting, "epochs") / 10))
        yield "early stopping", {"early_stop": patience}
    if _is_off(setting, "mixup") and setting.get("loss") == "cross_entropy":
        yield "mixup", {"mixup": 0.4}
    if _number(setting, "width") >= 16:
        yield "half the width", {"width": int(_number(setting, "width")) // 2}


def _shorter(finding: Finding, setting: Setting) -> NamedChanges:
    """Fewer epochs where a run cannot be stopped early: those until the onset."""
    epochs = int(_number(setting, "epochs"))
    onset = finding.onset or 0
    if "early_stop" not in setting and _MIN_EPOCHS <= onset <= _MAX_ONSET * epochs:
        yield f"{onset} epochs", {"epochs": onset}


def _lr_too_high(setting: Setting) -> NamedChanges:
    size = setting.get("batch_size")
    if isinstance(size, int) and size < _MIN_BATCH:
        yield f"batches of {_USUAL_BATCH}", {"batch_size": _USUAL_BATCH}
    for factor in _powers_of_ten(_decades_to_usual_lr(setting)):
        yield from _scaled_lr(setting, 1 / factor)
    if _is_off(setting, "clip"):
        yield "gradient clipping", {"clip": 1.0}
    if _number(setting, "warmup") == 0 and setting.get("decay") != "onecycle":
        yield "warmup", {"warmup": max(1.0, round(_number(setting, "epochs") / 10))}
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}


def _lr_too_low(setting: Setting) -> NamedChanges:
    for factor in _powers_of_ten(_decades_to_usual_lr(setting)):
        yield from _scaled_lr(setting, factor)


def _noisy(setting: Setting) -> NamedChanges:
    size = setting.get("batch_size")
    if isinstance(size, int):
        yield "8 times the batch", {"batch_size": max(_USUAL_BATCH, 8 * size)}
    yield from _scaled_lr(setting, 0.1)
    if setting.get("average") == "none":
        yield "averaged weights", {"average": "ema"}
    yield from _lr_decay(setting)


def _lr_decay(setting: Setting) -> NamedChanges:
    if setting.get("decay") == "none":
        yield "cosine decay", {"decay": "cosine"}
        yield "linear decay", {"decay": "linear"}


_REGULARISATION = (
    "dropout", "channel_dropout", "dropconnect", "stochastic_depth", "l1", "l2", "weight_decay",
    "label_smoothing", "mixup", "cutmix",
)  # fmt: skip


def _no_regularisation(setting: Setting) -> NamedChanges:
    switched_off = {name: 0.0 for name in _REGULARISATION if _number(setting, name) > 0}
    if switched_off:
        yield "no regularisation", switched_off


def _underfitting(setting: Setting) -> NamedChanges:
    if setting.get("model") == "linear":
        yield "an mlp in place of a line", {"model": "mlp"}
    if _number(setting, "width"):
        yield "4 times the width", {"width": 4 * int(_number(setting, "width"))}
    if _number(setting, "depth"):
        yield "one layer more", {"depth": int(_number(setting, "depth")) + 1}
    yield from _no_regularisation(setting)
    yield from _scaled_lr(setting, 3.0)


def _weights_init(setting: Setting) -> tuple[str, Changes]:
    """The initialisation that suits the activation, and the changes that lead to it.

    A setting with that initialisation may still have another factor on its weights.
    """
    init = "xavier" if setting.get("activation") in ("sigmoid", "tanh") else "msra"
    changes: dict[str, Scalar] = {"init": init}
    choice = find_builtin("init", init)
    if choice is not None and setting.get("init") == init:
        changes |= {
            name: choice.defaults[name]
            for name in ("init_scale", "init_gain")
            if setting.get(name, choice.defaults[name]) != choice.defaults[name]
        }
    return init, changes


def _signal_propagation(setting: Setting) -> NamedChanges:
    """For an initialisation or activation that does not propagate the signal or the gradient."""
    init, changes = _weights_init(setting)
    yield f"{init} initialisation", changes
    # A learning rate that suits a faulty initialisation may not suit a correct one.
    yield from _with_usual_lr(setting, f"{init} initialisation", changes)
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}
    if setting.get("activation") in ("sigmoid", "tanh"):
        yield "relu", {"activation": "relu", "init": "msra"}


def _with_usual_lr(setting: Setting, name: str, changes: Changes) -> NamedChanges:
    """The changes with the usual learning rate, if the present one is far from it."""
    lr, usual = _number(setting, "lr"), _usual_lr(setting)
    if lr > 0 and usual and max(lr / usual, usual / lr) >= _MAX_USUAL_RATIO:
        is_changed = any(setting.get(field) != value for field, value in changes.items())
        prefix = f"{name}, " if is_changed else ""
        yield f"{prefix}learning rate {usual:g}", {**changes, "lr": usual}


def _vanishing_gradients(setting: Setting) -> NamedChanges:
    relu: Changes = {"activation": "relu", "init": "msra"}
    yield "relu", relu
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}
    if _number(setting, "depth") > 3:
        yield "3 layers", {"depth": 3}
    yield from _with_usual_lr(setting, "relu", relu)
    yield from _adam(setting)


def _adam(setting: Setting) -> NamedChanges:
    """An optimizer whose steps do not depend on the scale of the gradient."""
    if setting.get("opt") in ("sgd", "momentum", "nesterov"):
        yield "adam", {"opt": "adam"}


def _exploding_gradients(setting: Setting) -> NamedChanges:
    if _is_off(setting, "clip"):
        yield "gradient clipping", {"clip": 1.0}
    yield from _scaled_lr(setting, 0.1)
    yield from _scaled_lr(setting, 0.01)
    if "init" in setting:
        init, changes = _weights_init(setting)
        yield f"{init} initialisation", changes
    yield from _standardise_inputs(setting)
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}


def _dead_units(setting: Setting) -> NamedChanges:
    if _number(setting, "bias_init") != 0:
        yield "biases at 0", {"bias_init": 0.0}
    yield "leaky relu", {"activation": "leaky_relu"}
    yield from _scaled_lr(setting, 0.1)
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}


def _diverged(setting: Setting) -> NamedChanges:
    yield from _lr_too_high(setting)
    yield from _standardise_inputs(setting)


def _not_learning(setting: Setting) -> NamedChanges:
    yield from _signal_propagation(setting)
    yield from _scaled_lr(setting, 10.0)
    yield from _scaled_lr(setting, 0.1)
    yield from _less_dropout(setting)
    yield from _adam(setting)
    yield from _standardise_inputs(setting)


def _stopped_early(setting: Setting) -> NamedChanges:
    epochs = int(_number(setting, "epochs"))
    if epochs:
        yield "3 times the epochs", {"epochs": 3 * epochs}
    yield from _scaled_lr(setting, 3.0)
    yield from _scaled_lr(setting, 10.0)


def _standardise_inputs(setting: Setting) -> NamedChanges:
    if setting.get("inputs", "standardise") != "standardise":
        yield "standardised inputs", {"inputs": "standardise"}


def _unnormalised_inputs(setting: Setting) -> NamedChanges:
    yield from _standardise_inputs(setting)
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}


def _imbalance(setting: Setting) -> NamedChanges:
    """Only accuracy rewards a model that ignores the rare classes."""
    if "accuracy" not in str(setting.get("objective")).replace("balanced_accuracy", ""):
        yield "balanced class weights", {"class_weights": "balanced"}


def _less_dropout(setting: Setting) -> NamedChanges:
    for field in ("dropout", "channel_dropout", "dropconnect", "stochastic_depth"):
        if _number(setting, field) > 0.5:
            yield f"{field.replace('_', ' ')} 0.2", {field: 0.2}
            yield f"no {field.replace('_', ' ')}", {field: 0.0}


_PROPOSALS: Mapping[str, Callable[[Setting], NamedChanges]] = {
    "NN101": _overfitting,
    "NN102": _overfitting,
    "NN103": _overfitting,
    "NN104": _underfitting,
    "NN105": _stopped_early,
    "NN106": _not_learning,
    "NN107": _overfitting,
    "NN201": _diverged,
    "NN202": _lr_too_high,
    "NN203": _lr_too_low,
    "NN204": _noisy,
    "NN205": _lr_decay,
    "NN301": _vanishing_gradients,
    "NN302": _exploding_gradients,
    "NN303": _dead_units,
    "NN304": _signal_propagation,
    "NN305": _signal_propagation,
    "NN306": _signal_propagation,
    "NN307": _less_dropout,
    "NN401": _unnormalised_inputs,
    "NN402": _imbalance,
    "NN405": _no_regularisation,
}
