"""The curves of other programs as the rules read them: nnlab's names, fractions, and epochs.

Which curve of a program is its training loss, its validation loss and so on is decided here, for
`nnlab diagnose`, `nnlab.diagnose`, imports and recorded runs.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nnlab.diagnosis import diagnose
from nnlab.diagnosis.opposing_losses import look_like_opponents, opposing_losses
from nnlab.io.text import format_count
from nnlab.metric_names import ACCURACIES, LOSSES, Split, quantity_of, split_of
from nnlab.records import Axis, Curve, Finding, History

# The metrics that the rules read of curves from elsewhere.
METRICS = ("train/loss", "val/loss", "train/accuracy", "val/accuracy", "lr", "train/grad_norm")
_STEP_LOSSES = ("loss_step", "batch_loss", "step_loss", "loss_batch")
# These may be paired with each other; other losses only with those of the same name.
_GENERIC_LOSSES = LOSSES[:4]
_EPOCH_IN_TEXT = re.compile(r"\bepoch (\d+)")
# Most rules need curves of three values, and none that is important more than eight.
_MIN_LENGTH, _LONG_ENOUGH = 3, 8
_PERCENT_LIMIT = 100.0 + 1e-6


@dataclass(frozen=True, slots=True)
class ExternalCurves:
    """The curves of a program under nnlab's names.

    `names` are the names in the program of each metric of `history`: several of a loss that is the
    sum of them. `notes` say what was changed, and what is missing.
    """

    history: History
    names: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]


def curve_names(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The names in a program of each metric that the rules read, as far as there are any.

    Several names of a loss are its parts, whose sum is the loss.

    >>> curve_names(["loss", "val_loss", "test_loss"])
    {'train/loss': ('loss',), 'val/loss': ('val_loss',)}
    >>> curve_names(["train_loss", "valid_loss", "accuracy"])
    {'train/loss': ('train_loss',), 'val/loss': ('valid_loss',), 'val/accuracy': ('accuracy',)}
    """
    opponents = opposing_losses(names)
    by_split = _names_by_split([name for name in names if name not in opponents])
    evaluated: Split = "val" if by_split["val"] or not by_split["test"] else "test"
    train, val, bare = by_split["train"], by_split[evaluated], by_split[None]
    chosen: dict[str, tuple[str, ...]] = {}
    losses = _losses(train, val, bare)
    # A bare name belongs to the training, as in Keras, unless the program names its training loss.
    is_train = not losses[0] or losses[0][0] in bare.values()
    accuracy = _pair(ACCURACIES, train, val, bare, bare_is_train=is_train)
    for metric, parts in (
        ("train/loss", losses[0]),
        ("val/loss", losses[1]),
        ("train/accuracy", accuracy[0]),
        ("val/accuracy", accuracy[1]),
        ("lr", bare.get("lr")),
        ("train/grad_norm", train.get("grad_norm") or bare.get("grad_norm")),
    ):
        if parts:
            chosen[metric] = (parts,) if isinstance(parts, str) else parts
    return chosen


def _losses(
    train: Mapping[str, str], val: Mapping[str, str], bare: Mapping[str, str]
) -> list[tuple[str, ...]]:
    """The training and the validation loss: a name each, or its parts."""
    losses: list[tuple[str, ...]] = [
        () if name is None else (name,) for name in _pair(LOSSES, train, val, bare)
    ]
    if all(losses):
        return losses
    parts = _loss_parts(train, val)
    if all(parts):
        return parts
    for index, split in enumerate(({**bare, **train}, val)):
        if not losses[index]:
            generic = (*_GENERIC_LOSSES, *(_STEP_LOSSES if index == 0 else ()))
            losses[index] = tuple([split[name] for name in generic if name in split][:1])
    return losses


_BySplit = dict[Split | None, dict[str, str]]


def _names_by_split(names: Sequence[str]) -> _BySplit:
    """The name of each quantity of each split, nnlab's own names first; lr has no split."""
    by_split: _BySplit = {"train": {}, "val": {}, "test": {}, None: {}}
    for name in sorted(names, key=lambda name: name not in METRICS):
        quantity, split = quantity_of(name), split_of(name)
        # A column that is called only `train` or `val` is a loss.
        if split is not None:
            quantity = quantity or "loss"
        by_split[None if quantity == "lr" else split].setdefault(quantity, name)
    for own in METRICS:
        if own in names:
            by_split[split_of(own)][quantity_of(own)] = own
    return by_split


def _pair(
    quantities: Sequence[str],
    train: Mapping[str, str],
    val: Mapping[str, str],
    bare: Mapping[str, str],
    *,
    bare_is_train: bool = True,
) -> tuple[str | None, str | None]:
    """The training and the validation curve of the first quantity that both, or one, have."""
    first_pair: tuple[str | None, str | None] = (None, None)
    for quantity in quantities:
        pair = train.get(quantity), val.get(quantity)
        if quantity in bare and None in pair:
            is_train = pair[0] is None and (pair[1] is not None or bare_is_train)
            if is_train:
                pair = bare[quantity], pair[1]
            elif pair[1] is None:
                pair = pair[0], bare[quantity]
        if None not in pair:
            return pair
        if first_pair == (None, None):
            first_pair = pair
    return first_pair


def _loss_parts(train: Mapping[str, str], val: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The losses that both splits have, such as `box_loss` and `cls_loss`: parts of the loss."""
    shared = [quantity for quantity in train if quantity in val and quantity.endswith("loss")]
    return [tuple(split[quantity] for quantity in shared) for split in (train, val)]


def external_curves(history: History) -> ExternalCurves:
    """The curves of a program under nnlab's names, accuracies as fractions.

    Curves that the rules do not know keep their names.
    """
    # A single value at the end, such as the mean `train_loss` of a Trainer, is no curve.
    repeated = [name for name in history.metrics if len(history[name]) > 1 or name in METRICS]
    names = curve_names(repeated or [name for name in history.metrics if len(history[name])])
    curves = {metric: _sum_of(history, metric, parts) for metric, parts in names.items()}
    curves = {metric: curve for metric, curve in curves.items() if len(curve)}
    curves, notes = _with_fractions(curves)
    if opponents := opposing_losses(history.metrics):
        listed = ", ".join(opponents)
        notes.append(f"losses of networks that are trained against each other: {listed}")
    if look_like_opponents(curves):
        curves = {m: curve for m, curve in curves.items() if m not in METRICS[:2]}
        notes.append(
            "the losses start at 2 ln 2 and ln 2 and part at once, like those of a discriminator"
            " and a generator: they are not used as training and validation loss"
        )
    names = {metric: parts for metric, parts in names.items() if metric in curves}
    notes += _coverage_notes(curves, names)
    used = {name for parts in names.values() for name in parts}
    others = {
        name: curve
        for name, curve in history.curves.items()
        if name not in used and name not in METRICS and len(curve)
    }
    return ExternalCurves(History({**others, **curves}), names, tuple(notes))


def _sum_of(history: History, metric: str, parts: Sequence[str]) -> Curve:
    curves = [dict(history[name]) for name in parts]
    shared = sorted(set(curves[0]).intersection(*curves[1:]))
    return Curve(metric, tuple(shared), tuple(sum(c[epoch] for c in curves) for epoch in shared))


def _with_fractions(curves: dict[str, Curve]) -> tuple[dict[str, Curve], list[str]]:
    """The curves with accuracies from 0 to 1; those that are no accuracy are left out."""
    metrics = [metric for metric in METRICS[2:4] if metric in curves]
    values = [v for metric in metrics for v in curves[metric].values if math.isfinite(v)]
    if not values or (max(values) <= 1.0 + 1e-6 and min(values) >= 0.0):
        return curves, []
    if max(values) > _PERCENT_LIMIT or min(values) < 0.0:
        others = {metric: curve for metric, curve in curves.items() if metric not in metrics}
        return others, ["the accuracy is neither a fraction nor a percentage: it is not used"]
    scaled = {
        metric: replace(curves[metric], values=tuple(v / 100 for v in curves[metric].values))
        for metric in metrics
    }
    return {**curves, **scaled}, ["the accuracy is in percent"]


def _coverage_notes(curves: Mapping[str, Curve], names: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What was found, if something is missing that most rules need."""
    has_pair = all(f"{split}/loss" in curves for split in ("train", "val"))
    has_pair |= all(f"{split}/accuracy" in curves for split in ("train", "val"))
    if has_pair:
        return _length_notes(curves)
    usual_curves = ", ".join(
        f"{metric} ({' + '.join(names[metric])}, {len(curve):,} values)"
        if names[metric] != (metric,)
        else f"{metric} ({len(curve):,} values)"
        for metric, curve in curves.items()
    )
    if not any(metric.startswith("train/") for metric in curves):
        missing = "no training loss or accuracy: underfitting and overfitting cannot be told apart"
    else:
        missing = "no validation loss or accuracy: overfitting cannot be seen"
    if not any(metric in curves for metric in METRICS[:4]):
        missing = "no loss or accuracy: nothing can be diagnosed"
    return [f"found: {usual_curves or 'no curve with a usual name'}; {missing}"]


def _length_notes(curves: Mapping[str, Curve]) -> list[str]:
    """What cannot be found because the curves are short."""
    longest = max(len(curve) for metric, curve in curves.items() if metric in METRICS[:4])
    if longest >= _LONG_ENOUGH:
        return []
    number = format_count(longest, "value")
    if longest < _MIN_LENGTH:
        return [f"{number} per curve: too few for a diagnosis, which needs at least {_MIN_LENGTH}"]
    return [
        f"{number} per curve: too few to find noise, underfitting or a learning rate that is too"
        f" high, which need at least {_LONG_ENOUGH}"
    ]


def diagnose_external(history: History, axis: Axis = "epoch") -> tuple[Finding, ...]:
    """The findings of a run of another program; onsets and messages are positions on its axis.

    Args:
        history: all curves of the run, under any names.
        axis: what the positions of the curves are.
    """
    curves = external_curves(history).history
    if axis == "epoch" and not _starts_at_zero(curves):
        return diagnose(curves)
    measured = [curve for name, curve in curves.curves.items() if name in METRICS[:4]]
    positions = sorted({position for curve in measured for position, _ in curve})
    if not positions:
        return ()
    findings = diagnose(_numbered(curves, positions))
    return tuple(_at_positions(finding, positions, axis) for finding in findings)


def _starts_at_zero(history: History) -> bool:
    return any(curve.epochs[0] < 1 for curve in history.curves.values())


def _numbered(history: History, positions: Sequence[int]) -> History:
    """The curves over the number of the measurement, counted from 1, as the rules expect."""
    curves = {}
    for metric, curve in history.curves.items():
        last = len(positions) - 1
        points = {min(bisect_left(positions, at), last) + 1: value for at, value in curve}
        curves[metric] = Curve(metric, tuple(points), tuple(points.values()))
    return History(curves)


def _at_positions(finding: Finding, positions: Sequence[int], axis: Axis) -> Finding:
    """The finding with the positions of the program in place of the numbers of measurements."""

    def position(number: int) -> int:
        return positions[min(max(number, 1), len(positions)) - 1]

    def text(match: re.Match[str]) -> str:
        at = position(int(match[1]))
        return f"step {at:,}" if axis == "step" else f"epoch {at}"

    message = _EPOCH_IN_TEXT.sub(text, finding.message)
    if axis == "step":
        message = message.replace("in the first epoch", "at first")
    evidence = {
        name: float(position(int(value)))
        if name.endswith("_epoch") and math.isfinite(value)
        else value
        for name, value in finding.evidence.items()
        # A number of measurements is no number of steps.
        if axis == "epoch" or not name.startswith("epochs_")
    }
    onset = None if finding.onset is None else position(finding.onset)
    return replace(finding, onset=onset, message=message, evidence=evidence)
