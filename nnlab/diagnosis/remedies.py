"""Remedies: changes of the setting that findings propose, and that `nnlab remedy` tests."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nnlab.diagnosis.priority import group_symptoms
from nnlab.records import Finding, Scalar, Setting, Severity

Changes = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change of the setting, proposed by the finding `finding_code`.

    `changes` are fields as a user would set them; fields that depend on them get their defaults.
    """

    name: str
    changes: Changes
    finding_code: str


def remedies_for(findings: Sequence[Finding], setting: Setting) -> tuple[Remedy, ...]:
    """The remedies for the findings of a run, for the first cause first, each change once.

    Args:
        findings: the findings of the run, in any order.
        setting: the setting of the run.
    """
    causes = [group.finding for group in group_symptoms(findings)]
    # Findings of severity info get remedies only if there are no others.
    serious = [finding for finding in causes if finding.severity is not Severity.INFO] or causes
    remedies: dict[tuple[tuple[str, Scalar], ...], Remedy] = {}
    for finding in serious:
        for name, changes in _PROPOSALS.get(finding.code, _no_changes)(setting):
            differing = {k: v for k, v in changes.items() if setting.get(k) != v}
            if differing:
                key = tuple(sorted(differing.items(), key=lambda item: item[0]))
                remedies.setdefault(key, Remedy(name, changes, finding.code))
    return tuple(remedies.values())


NamedChanges = Iterator[tuple[str, Changes]]


def _no_changes(setting: Setting) -> NamedChanges:
    del setting
    yield from ()


def _numeric_setting(setting: Setting, field: str, default: float = 0.0) -> float:
    value = setting.get(field)
    return float(value) if isinstance(value, int | float) else default


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")


def _scaled_lr(setting: Setting, factor: float) -> NamedChanges:
    lr = _numeric_setting(setting, "lr")
    if lr > 0:
        multiple = f"{factor:.0f} times" if factor >= 1 else f"1/{1 / factor:.0f} of"
        yield f"{multiple} the learning rate", {"lr": _two_digits(lr * factor)}


def _overfitting(setting: Setting) -> NamedChanges:
    """In order of preference: more data, dropout, weight decay, batch norm, a smaller network."""
    if setting.get("augment") == "none":
        images = setting.get("model") in ("cnn", "resnet", "wide_resnet")
        yield "augmentation", {"augment": "shift" if images else "noise"}
    field = "channel_dropout" if setting.get("model") in ("cnn", "resnet") else "dropout"
    if field in setting:
        rate = _numeric_setting(setting, field)
        yield "dropout", {field: _two_digits(min(0.5, rate + 0.3))}
    l2 = _numeric_setting(setting, "l2")
    yield "L2 penalty", {"l2": _two_digits(max(10 * l2, 1e-2))}
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}
    if _numeric_setting(setting, "label_smoothing") == 0 and setting.get("loss") == "cross_entropy":
        yield "label smoothing", {"label_smoothing": 0.1}
    if _numeric_setting(setting, "early_stop") == 0:
        patience = max(3, round(_numeric_setting(setting, "epochs") / 10))
        yield "early stopping", {"early_stop": patience}
    if _numeric_setting(setting, "width") >= 16:
        yield "half the width", {"width": int(_numeric_setting(setting, "width")) // 2}


def _lr_too_high(setting: Setting) -> NamedChanges:
    for factor in (0.1, 0.01, 0.001):
        yield from _scaled_lr(setting, factor)
    if _numeric_setting(setting, "clip") == 0 and "clip" in setting:
        yield "gradient clipping", {"clip": 1.0}
    if _numeric_setting(setting, "warmup") == 0 and setting.get("decay") != "onecycle":
        yield "warmup", {"warmup": max(1.0, round(_numeric_setting(setting, "epochs") / 10))}
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}


def _lr_too_low(setting: Setting) -> NamedChanges:
    for factor in (10.0, 100.0, 1000.0):
        yield from _scaled_lr(setting, factor)


def _noisy(setting: Setting) -> NamedChanges:
    size = setting.get("batch_size")
    if isinstance(size, int):
        yield "8 times the batch", {"batch_size": max(32, 8 * size)}
    yield from _scaled_lr(setting, 0.1)
    if setting.get("average") == "none":
        yield "averaged weights", {"average": "ema"}
    yield from _lr_decay(setting)


def _lr_decay(setting: Setting) -> NamedChanges:
    if setting.get("decay") == "none":
        yield "cosine decay", {"decay": "cosine"}
        yield "linear decay", {"decay": "linear"}


def _underfitting(setting: Setting) -> NamedChanges:
    if setting.get("model") == "linear":
        yield "an mlp in place of a line", {"model": "mlp"}
    if _numeric_setting(setting, "width"):
        yield "4 times the width", {"width": 4 * int(_numeric_setting(setting, "width"))}
    if _numeric_setting(setting, "depth"):
        yield "one layer more", {"depth": int(_numeric_setting(setting, "depth")) + 1}
    switched_off = {
        name: 0.0
        for name in ("dropout", "channel_dropout", "l1", "l2", "weight_decay", "label_smoothing")
        if _numeric_setting(setting, name) > 0
    }
    if switched_off:
        yield "no regularisation", switched_off
    yield from _scaled_lr(setting, 3.0)


def _signal_propagation(setting: Setting) -> NamedChanges:
    """For an initialisation or activation that does not propagate the signal or the gradient."""
    saturates = setting.get("activation") in ("sigmoid", "tanh")
    init = "xavier" if saturates else "msra"
    yield f"{init} initialisation", {"init": init}
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}
    if saturates:
        yield "relu", {"activation": "relu", "init": "msra"}


def _vanishing_gradients(setting: Setting) -> NamedChanges:
    yield "relu", {"activation": "relu", "init": "msra"}
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}
    if _numeric_setting(setting, "depth") > 3:
        yield "3 layers", {"depth": 3}


def _dead_units(setting: Setting) -> NamedChanges:
    if _numeric_setting(setting, "bias_init") != 0:
        yield "biases at 0", {"bias_init": 0.0}
    yield "leaky relu", {"activation": "leaky_relu"}
    yield from _scaled_lr(setting, 0.1)
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}


def _diverged(setting: Setting) -> NamedChanges:
    yield from _lr_too_high(setting)
    if setting.get("inputs") != "standardise":
        yield "standardised inputs", {"inputs": "standardise"}


def _not_learning(setting: Setting) -> NamedChanges:
    yield from _signal_propagation(setting)
    yield from _scaled_lr(setting, 10.0)
    yield from _scaled_lr(setting, 0.1)


def _stopped_early(setting: Setting) -> NamedChanges:
    epochs = int(_numeric_setting(setting, "epochs"))
    if epochs:
        yield "3 times the epochs", {"epochs": 3 * epochs}
    yield from _scaled_lr(setting, 3.0)


def _standardise_inputs(setting: Setting) -> NamedChanges:
    del setting
    yield "standardised inputs", {"inputs": "standardise"}


def _less_dropout(setting: Setting) -> NamedChanges:
    for field in ("dropout", "channel_dropout", "dropconnect", "stochastic_depth"):
        if _numeric_setting(setting, field) > 0.5:
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
    "NN302": _lr_too_high,
    "NN303": _dead_units,
    "NN304": _signal_propagation,
    "NN305": _signal_propagation,
    "NN306": _signal_propagation,
    "NN307": _less_dropout,
    "NN401": _standardise_inputs,
}
