"""What mends a finding: changes of the setting, to be tried and not to be believed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nnlab.diagnose.priority import folded
from nnlab.records import Finding, Scalar, Setting, Severity

Changes = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change of the setting that a finding proposes; `because` is the finding's code.

    `changes` are fields as they are typed; fields that depend on them go back to their defaults.
    """

    name: str
    changes: Changes
    because: str


def remedies_for(findings: Sequence[Finding], setting: Setting) -> tuple[Remedy, ...]:
    """Changes worth trying, those for the first cause first, each change once.

    Args:
        findings: of the run, in any order.
        setting: that it was trained with.
    """
    heads = [one.finding for one in folded(findings)]
    # What is only worth knowing is mended where there is nothing worse.
    serious = [finding for finding in heads if finding.severity is not Severity.INFO] or heads
    found: dict[tuple[tuple[str, Scalar], ...], Remedy] = {}
    for finding in serious:
        for name, changes in _PROPOSALS.get(finding.code, _nothing)(setting):
            differing = {k: v for k, v in changes.items() if setting.get(k) != v}
            if differing:
                key = tuple(sorted(differing.items(), key=lambda item: item[0]))
                found.setdefault(key, Remedy(name, changes, finding.code))
    return tuple(found.values())


Named = Iterator[tuple[str, Changes]]


def _nothing(setting: Setting) -> Named:
    del setting
    yield from ()


def _number(setting: Setting, field: str, otherwise: float = 0.0) -> float:
    value = setting.get(field)
    return float(value) if isinstance(value, int | float) else otherwise


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")


def _lr(setting: Setting, factor: float) -> Named:
    lr = _number(setting, "lr")
    if lr > 0:
        word = f"{factor:.0f} times" if factor >= 1 else f"1/{1 / factor:.0f} of"
        yield f"{word} the learning rate", {"lr": _two_digits(lr * factor)}


def _overfitting(setting: Setting) -> Named:
    """The order of the lecture: more data, dropout, weight decay, batch norm, a smaller net."""
    if setting.get("augment") == "none":
        images = setting.get("model") in ("cnn", "resnet", "wide_resnet")
        yield "augmentation", {"augment": "shift" if images else "noise"}
    field = "channel_dropout" if setting.get("model") in ("cnn", "resnet") else "dropout"
    if field in setting:
        rate = _number(setting, field)
        yield "dropout", {field: _two_digits(min(0.5, rate + 0.3))}
    l2 = _number(setting, "l2")
    yield "L2 penalty", {"l2": _two_digits(max(10 * l2, 1e-2))}
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}
    if _number(setting, "label_smoothing") == 0 and setting.get("loss") == "cross_entropy":
        yield "label smoothing", {"label_smoothing": 0.1}
    if _number(setting, "early_stop") == 0:
        patience = max(3, round(_number(setting, "epochs") / 10))
        yield "early stopping", {"early_stop": patience}
    if _number(setting, "width") >= 16:
        yield "half the width", {"width": int(_number(setting, "width")) // 2}


def _too_high(setting: Setting) -> Named:
    for factor in (0.1, 0.01, 0.001):
        yield from _lr(setting, factor)
    if _number(setting, "clip") == 0 and "clip" in setting:
        yield "gradient clipping", {"clip": 1.0}
    if _number(setting, "warmup") == 0 and setting.get("decay") != "onecycle":
        yield "warmup", {"warmup": max(1.0, round(_number(setting, "epochs") / 10))}
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}


def _too_low(setting: Setting) -> Named:
    for factor in (10.0, 100.0, 1000.0):
        yield from _lr(setting, factor)


def _noisy(setting: Setting) -> Named:
    size = setting.get("batch_size")
    if isinstance(size, int):
        yield "8 times the batch", {"batch_size": max(32, 8 * size)}
    yield from _lr(setting, 0.1)
    if setting.get("average") == "none":
        yield "averaged weights", {"average": "ema"}
    yield from _decays(setting)


def _decays(setting: Setting) -> Named:
    if setting.get("decay") == "none":
        yield "cosine decay", {"decay": "cosine"}
        yield "linear decay", {"decay": "linear"}


def _underfitting(setting: Setting) -> Named:
    if setting.get("model") == "linear":
        yield "an mlp in place of a line", {"model": "mlp"}
    if _number(setting, "width"):
        yield "4 times the width", {"width": 4 * int(_number(setting, "width"))}
    if _number(setting, "depth"):
        yield "one layer more", {"depth": int(_number(setting, "depth")) + 1}
    idle = {
        name: 0.0
        for name in ("dropout", "channel_dropout", "l1", "l2", "weight_decay", "label_smoothing")
        if _number(setting, name) > 0
    }
    if idle:
        yield "no regularisation", idle
    yield from _lr(setting, 3.0)


def _signal(setting: Setting) -> Named:
    """For an initialisation or an activation through which no signal or gradient comes."""
    squashes = setting.get("activation") in ("sigmoid", "tanh")
    fitting = "xavier" if squashes else "msra"
    yield f"{fitting} initialisation", {"init": fitting}
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}
    if squashes:
        yield "relu", {"activation": "relu", "init": "msra"}


def _vanishing(setting: Setting) -> Named:
    yield "relu", {"activation": "relu", "init": "msra"}
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}
    if _number(setting, "depth") > 3:
        yield "3 layers", {"depth": 3}


def _dead(setting: Setting) -> Named:
    if _number(setting, "bias_init") != 0:
        yield "biases at 0", {"bias_init": 0.0}
    yield "leaky relu", {"activation": "leaky_relu"}
    yield from _lr(setting, 0.1)
    if setting.get("norm") == "none":
        yield "batch norm", {"norm": "batch"}


def _diverged(setting: Setting) -> Named:
    yield from _too_high(setting)
    if setting.get("inputs") != "standardise":
        yield "standardised inputs", {"inputs": "standardise"}


def _not_learning(setting: Setting) -> Named:
    yield from _signal(setting)
    yield from _lr(setting, 10.0)
    yield from _lr(setting, 0.1)


def _cut(setting: Setting) -> Named:
    epochs = int(_number(setting, "epochs"))
    if epochs:
        yield "3 times the epochs", {"epochs": 3 * epochs}
    yield from _lr(setting, 3.0)


def _standardise(setting: Setting) -> Named:
    del setting
    yield "standardised inputs", {"inputs": "standardise"}


def _less_dropout(setting: Setting) -> Named:
    for field in ("dropout", "channel_dropout", "dropconnect", "stochastic_depth"):
        if _number(setting, field) > 0.5:
            yield f"{field.replace('_', ' ')} 0.2", {field: 0.2}
            yield f"no {field.replace('_', ' ')}", {field: 0.0}


_PROPOSALS: Mapping[str, Callable[[Setting], Named]] = {
    "NN101": _overfitting,
    "NN102": _overfitting,
    "NN103": _overfitting,
    "NN104": _underfitting,
    "NN105": _cut,
    "NN106": _not_learning,
    "NN201": _diverged,
    "NN202": _too_high,
    "NN203": _too_low,
    "NN204": _noisy,
    "NN205": _decays,
    "NN301": _vanishing,
    "NN302": _too_high,
    "NN303": _dead,
    "NN304": _signal,
    "NN305": _signal,
    "NN306": _signal,
    "NN307": _less_dropout,
    "NN401": _standardise,
}
