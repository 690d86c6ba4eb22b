"""Training and validation loss at the same epochs, shortened to a length that rules read fast."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.records import Curve, History

# This many validations are kept; later ones are averaged in groups of about 2 % of the epoch, so
# that 100,000 epochs become a few hundred points and an early minimum keeps its resolution.
UNGROUPED_VALIDATIONS = 128
_GROUP_GROWTH = 0.02
# The end of a curve is its last tenth, and at least its last two values, because a single epoch may
# be a spike.
_TAIL_SHARE, TAIL_MIN = 10, 2
# A larger loss counts as overflow; below this limit sums and squares stay finite.
_OVERFLOW_LIMIT = 1e100


@dataclass(frozen=True, slots=True)
class LossPair:
    """Training and validation loss at the same epochs: three tuples of equal length, all finite.

    `tail_train` and `tail_val` are the losses of the last tenth of the epochs, at least of the last
    two validations, before any averaging; `tail_epoch` is the first of these epochs.
    `best_val` and `best_epoch` are the lowest measured validation loss; `last_val` and `last_epoch`
    the last one.
    """

    epochs: tuple[int, ...]
    train: tuple[float, ...]
    val: tuple[float, ...]
    tail_train: tuple[float, ...]
    tail_val: tuple[float, ...]
    tail_epoch: int
    best_val: float
    best_epoch: int
    last_val: float
    last_epoch: int

    def __len__(self) -> int:
        return len(self.epochs)


def loss_pair(history: History) -> LossPair | None:
    """The training and validation loss of a history at the epochs with a validation.

    Training loss is `train/loss_exact` (evaluated after the epoch, without dropout) if it was
    measured, otherwise the running `train/loss`. A validation without a training loss in its own
    epoch is paired with the last one before. Values that are not finite are left out.

    None if either loss is missing, or if the last value of either is NaN or infinite: such a run
    diverged, and its earlier losses say nothing about generalisation.
    """
    train = history.get("train/loss_exact") or history.get("train/loss")
    return _make_pair(train, history.get("val/loss"))


def error_pair(history: History) -> LossPair | None:
    """The training and validation error rates, 1 - accuracy, paired like the losses."""
    return _make_pair(
        error_rates(history.get("train/accuracy")), error_rates(history.get("val/accuracy"))
    )


def error_rates(curve: Curve | None) -> Curve | None:
    """The error rates of an accuracy curve; None without a curve."""
    if not curve:
        return None
    return Curve(curve.metric, curve.epochs, tuple(1.0 - value for value in curve.values))


def _make_pair(train: Curve | None, val: Curve | None) -> LossPair | None:
    if not train or not val:
        return None
    if not (is_usable_loss(train.values[-1]) and is_usable_loss(val.values[-1])):
        return None
    epochs, train_at, val_at = _align_epochs(train, val)
    if not epochs:
        return None
    best = min(range(len(epochs)), key=val_at.__getitem__)
    grouped = _group_means(epochs, train_at, val_at)
    tail = tail_start(epochs)
    return LossPair(
        *grouped,
        tail_train=tuple(train_at[tail:]),
        tail_val=tuple(val_at[tail:]),
        tail_epoch=epochs[tail],
        best_val=val_at[best],
        best_epoch=epochs[best],
        last_val=val_at[-1],
        last_epoch=epochs[-1],
    )


def tail_start(epochs: Sequence[int]) -> int:
    """The index at which the last tenth of the epochs begins; at most that of the last but one.

    The tail is measured in epochs, because grouped points near the end stand for many epochs.
    """
    if len(epochs) < 2:
        return 0
    interval = (epochs[-1] - epochs[0]) / (len(epochs) - 1)
    first = epochs[-1] - (epochs[-1] - epochs[0] + interval) / _TAIL_SHARE
    # The margin keeps a rounding error from adding an epoch.
    return min(bisect_right(epochs, first + interval / 100), len(epochs) - TAIL_MIN)


def is_usable_loss(value: float) -> bool:
    """Whether a loss is neither NaN nor overflowed."""
    return abs(value) < _OVERFLOW_LIMIT  # False for NaN too


def _all_usable(values: Sequence[float]) -> bool:
    """Whether all losses are usable; much faster than a check of each."""
    # The sum is NaN if a value is, which a comparison of the extremes may miss.
    return (
        is_usable_loss(max(values)) and is_usable_loss(min(values)) and not math.isnan(sum(values))
    )


def _align_epochs(train: Curve, val: Curve) -> tuple[list[int], list[float], list[float]]:
    """The epochs with a finite validation loss, and the latest finite training loss at each."""
    if train.epochs == val.epochs and _all_usable(train.values) and _all_usable(val.values):
        return list(val.epochs), list(train.values), list(val.values)
    epochs: list[int] = []
    train_at: list[float] = []
    val_at: list[float] = []
    position, latest = 0, math.nan
    for epoch, value in val:
        while position < len(train) and train.epochs[position] <= epoch:
            if is_usable_loss(train.values[position]):
                latest = train.values[position]
            position += 1
        if is_usable_loss(value) and math.isfinite(latest):
            epochs.append(epoch)
            train_at.append(latest)
            val_at.append(value)
    return epochs, train_at, val_at


def _group_means(
    epochs: list[int], train: list[float], val: list[float]
) -> tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...]]:
    """Means over growing groups; the epoch of a group is that of its lowest validation loss."""
    out_epochs, out_train, out_val = (
        epochs[:UNGROUPED_VALIDATIONS],
        train[:UNGROUPED_VALIDATIONS],
        val[:UNGROUPED_VALIDATIONS],
    )
    start = UNGROUPED_VALIDATIONS
    while start < len(epochs):
        stop = min(start + max(1, int(start * _GROUP_GROWTH)), len(epochs))
        lowest = min(range(start, stop), key=val.__getitem__)
        out_epochs.append(epochs[lowest])
        out_train.append(sum(train[start:stop]) / (stop - start))
        out_val.append(sum(val[start:stop]) / (stop - start))
        start = stop
    return tuple(out_epochs), tuple(out_train), tuple(out_val)


def average_in_groups(
    epochs: Sequence[int], values: Sequence[float]
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """A curve shortened by averaging its later values in growing groups."""
    kept, means, _ = _group_means(list(epochs), list(values), list(values))
    return kept, means
