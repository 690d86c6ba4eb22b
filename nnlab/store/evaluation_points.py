"""The points of a run of another program, derived from the samples that it logged.

Rankings, rules and figures read one value per evaluation, at the same positions for training and
validation. Programs log a training loss every few steps and evaluate now and then; this module
gives each evaluation the mean of the training metrics since the previous one.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nnlab.metric_names import is_evaluation, split_of
from nnlab.objective import direction_of
from nnlab.records import Axis, Sample
from nnlab.store.curve_summary import SummaryRow, summarize_curve

# Usage of the machine: stored as samples only.
_WITHOUT_POINTS = "system/"
# A run without evaluations keeps at most this many points of a metric, each a mean.
MAX_POINTS_WITHOUT_EVALUATION = 1024


@dataclass(frozen=True, slots=True)
class CurveChange:
    """A change of a metric's points: those from `delete_from` on are deleted, then `points` set.

    `lowest` and `highest` are the summaries of all its points if lower, or higher, values are
    better; None if no point is left.
    """

    delete_from: int | None
    points: tuple[tuple[int, float], ...]
    lowest: SummaryRow | None
    highest: SummaryRow | None


class PointCurve:
    """The points of one metric, and what changed since it was last stored."""

    def __init__(self) -> None:
        self.positions: list[int] = []
        self.values: list[float] = []
        self._delete_from: int | None = None
        self._changed_from: int | None = None  # an index
        # Of all points but the last: the last one changes while its mean is computed.
        self._lowest: SummaryRow | None = None
        self._highest: SummaryRow | None = None

    def put(self, position: int, value: float) -> None:
        """Sets the value at a position; points after it are deleted."""
        if self.positions and position < self.positions[-1]:
            self.delete_from(position)
        if self.positions and position == self.positions[-1]:
            self.values[-1] = value
        else:
            self._summarize_last()
            self.positions.append(position)
            self.values.append(value)
        index = len(self.positions) - 1
        self._changed_from = index if self._changed_from is None else min(self._changed_from, index)

    def move_last(self, position: int, value: float) -> None:
        """Moves the last point to a later position; its summaries need no other point."""
        last, index = self.positions[-1], len(self.positions) - 1
        if position != last:
            earlier = self._delete_from
            self._delete_from = last if earlier is None else min(earlier, last)
        self.positions[-1], self.values[-1] = position, value
        self._changed_from = index if self._changed_from is None else min(self._changed_from, index)

    def delete_from(self, position: int) -> None:
        """Deletes the points at this position and later."""
        index = bisect_left(self.positions, position)
        if index == len(self.positions):
            return
        del self.positions[index:], self.values[index:]
        earlier = self._delete_from
        self._delete_from = position if earlier is None else min(earlier, position)
        if self._changed_from is not None:
            self._changed_from = min(self._changed_from, index)
        self._lowest = self._highest = None
        if index > 1:
            before = self.positions[:-1], self.values[:-1]
            self._lowest = summarize_curve("min", *before)
            self._highest = summarize_curve("max", *before)

    def pending_change(self) -> CurveChange | None:
        """What changed since `mark_stored` was last called; None if nothing did."""
        if self._changed_from is None and self._delete_from is None:
            return None
        begin = len(self.positions) if self._changed_from is None else self._changed_from
        return CurveChange(
            self._delete_from,
            tuple(zip(self.positions[begin:], self.values[begin:], strict=True)),
            self._with_last(self._lowest, lower=True),
            self._with_last(self._highest, lower=False),
        )

    def mark_stored(self) -> None:
        """Says that the pending change was stored."""
        self._changed_from = self._delete_from = None

    def _summarize_last(self) -> None:
        if self.positions:
            self._lowest = self._with_last(self._lowest, lower=True)
            self._highest = self._with_last(self._highest, lower=False)

    def _with_last(self, before: SummaryRow | None, *, lower: bool) -> SummaryRow | None:
        if not self.positions:
            return None
        position, value = self.positions[-1], self.values[-1]
        last = None if math.isnan(value) else value
        n, _, _, best, best_position = before or (0, None, 0, None, None)
        if last is not None and (best is None or (last < best if lower else last > best)):
            best, best_position = last, position
        return n + 1, last, position, best, best_position


@dataclass(slots=True)
class _Mean:
    """The values of a training metric that belong to one position."""

    averaged: bool
    position: int | None = None
    total: float = 0.0
    count: int = 0
    last: float = math.nan

    def add(self, value: float) -> None:
        self.total, self.count, self.last = self.total + value, self.count + 1, value

    @property
    def value(self) -> float:
        return self.total / self.count if self.averaged else self.last


class _ThinnedCurve:
    """Means over buckets of equally many positions, for a run that never evaluates.

    The points follow when they are read: a run may log thousands of values in between.
    """

    def __init__(self) -> None:
        self._stride, self._last_position = 1, -1
        # last position, sum, count of each bucket
        self._buckets: dict[int, tuple[int, float, int]] = {}
        self._changed: dict[int, None] = {}  # the keys of buckets, in their order
        self._last_applied: int | None = None
        self._is_rebuilt = False

    def add(self, position: int, value: float) -> None:
        """Adds a value; a position that goes back drops the buckets that end there or later."""
        if position < self._last_position:
            self._buckets = {k: b for k, b in self._buckets.items() if b[0] < position}
            self._is_rebuilt = True
        self._last_position = position
        key = position // self._stride
        _, total, count = self._buckets.get(key, (position, 0.0, 0))
        self._buckets[key] = position, total + value, count + 1
        self._changed[key] = None
        if len(self._buckets) > MAX_POINTS_WITHOUT_EVALUATION:
            self._merge()

    def apply_to(self, curve: PointCurve) -> None:
        """Changes the points to the means of the buckets."""
        if self._is_rebuilt:
            curve.delete_from(0)
            self._changed, self._last_applied = dict.fromkeys(self._buckets), None
        for key in self._changed:
            position, total, count = self._buckets[key]
            if key == self._last_applied:
                curve.move_last(position, total / count)
            else:
                curve.put(position, total / count)
            self._last_applied = key
        self._changed, self._is_rebuilt = {}, False

    def _merge(self) -> None:
        self._stride *= 2
        merged: dict[int, tuple[int, float, int]] = {}
        for key, (last, total, count) in self._buckets.items():
            _, other_total, other_count = merged.get(key // 2, (last, 0.0, 0))
            merged[key // 2] = last, total + other_total, count + other_count
        self._buckets, self._is_rebuilt = merged, True


class EvaluationPoints:
    """The points of a run, kept up to date while its samples arrive in their order.

    `axis` says whether positions are epochs or steps: epochs if the first evaluation names a whole
    epoch, or if there are neither evaluations nor steps. `is_ambiguous` becomes True if a later
    evaluation shows that epochs do not identify the evaluations: the points must then be derived
    again with `axis="step"`.
    """

    def __init__(self, axis: Axis | None = None) -> None:
        self._fixed_axis = axis
        self.axis: Axis = axis or "epoch"
        self.is_ambiguous = False
        self.last_position = 0
        self._calls = self._last_step = 0
        self._evaluated = False
        self._evaluated_at: dict[str, tuple[int, int | None]] = {}  # position and step
        self._curves: dict[str, PointCurve] = {}
        self._means: dict[str, _Mean] = {}
        self._kinds: dict[str, str] = {}  # by metric: deriving them from the name takes longer
        self._thinned: dict[str, _ThinnedCurve] = {}

    @property
    def curves(self) -> dict[str, PointCurve]:
        """The points by metric."""
        self._apply_thinned()
        return self._curves

    def add(self, samples: Sequence[Sample]) -> None:
        """Adds the samples of one log call, or of one row of a log."""
        self._calls += 1
        evaluations: list[Sample] = []
        training: list[Sample] = []
        for sample in samples:
            kind = self._kinds.get(sample.metric)
            if kind is None:
                kind = self._kinds[sample.metric] = _kind_of(sample.metric)
            if kind != "machine":
                (evaluations if kind == "evaluation" else training).append(sample)
        if evaluations and not self._evaluated:
            self._start_evaluations(evaluations[0])
        for sample in training:
            if self._evaluated:
                self._add_training_sample(sample)
            else:
                self._add_before_evaluation(sample)
        if evaluations:
            self._add_evaluations(evaluations)

    def finish(self) -> None:
        """Adds the training metrics that were logged after the last evaluation."""
        for metric, mean in self._means.items():
            waits = mean.count and mean.position is None
            if waits and self._evaluated and self.axis == "step":
                self._put(metric, max(self.last_position, self._last_step), mean.value)

    def pending_changes(self) -> dict[str, CurveChange]:
        """The metrics whose points changed since `mark_stored` was last called."""
        self._apply_thinned()
        changes = ((metric, curve.pending_change()) for metric, curve in self._curves.items())
        return {metric: change for metric, change in changes if change is not None}

    def mark_stored(self) -> None:
        """Says that the pending changes were stored."""
        for curve in self._curves.values():
            curve.mark_stored()

    def _position(self, sample: Sample) -> int:
        if self.axis == "epoch" and sample.epoch is not None:
            return max(0, math.ceil(sample.epoch - 1e-6))
        if sample.step is not None:
            return max(0, sample.step)
        return self._calls

    def _start_evaluations(self, first: Sample) -> None:
        self._evaluated = True
        if self._fixed_axis is None:
            self.axis = "epoch" if _is_whole(first.epoch) else "step"
        # What was logged before belongs to this evaluation; its points were provisional.
        for metric in self._thinned:
            self._curves.setdefault(metric, PointCurve()).delete_from(0)
        self._thinned.clear()

    def _add_before_evaluation(self, sample: Sample) -> None:
        if self._fixed_axis is None and not self._means:
            self.axis = "step" if sample.step is not None or sample.epoch is None else "epoch"
        self._mean(sample.metric).add(sample.value)
        self._note_step(sample)
        position = self._position(sample)
        thinned = self._thinned.get(sample.metric)
        if thinned is None:
            thinned = self._thinned[sample.metric] = _ThinnedCurve()
        thinned.add(position, sample.value)
        self.last_position = position

    def _apply_thinned(self) -> None:
        for metric, thinned in self._thinned.items():
            thinned.apply_to(self._curves.setdefault(metric, PointCurve()))

    def _add_training_sample(self, sample: Sample) -> None:
        mean = self._mean(sample.metric)
        self._note_step(sample)
        position: int | None = None
        if self.axis == "epoch":
            position = None if sample.epoch is None else self._position(sample)
        elif sample.step is not None and self._position(sample) == self.last_position:
            position = self.last_position  # logged after the evaluation of the same step
        if position is None:
            if mean.position is not None:
                self._means[sample.metric] = mean = _Mean(mean.averaged)
            mean.add(sample.value)
            return
        if mean.position != position:
            waiting = mean if mean.position is None else _Mean(mean.averaged)
            self._means[sample.metric] = mean = waiting
            mean.position = position
        mean.add(sample.value)
        self._put(sample.metric, position, mean.value)

    def _add_evaluations(self, evaluations: Sequence[Sample]) -> None:
        for sample in evaluations:
            position = self._position(sample)
            earlier = self._evaluated_at.get(sample.metric)
            if self.axis == "epoch" and self._fixed_axis is None:
                repeated = earlier is not None and earlier[0] == position
                other_step = earlier is not None and sample.step != earlier[1]
                self.is_ambiguous |= not _is_whole(sample.epoch) or (repeated and other_step)
            self._evaluated_at[sample.metric] = position, sample.step
            self._put(sample.metric, position, sample.value)
            self.last_position = position
            self._note_step(sample)
        for metric, mean in self._means.items():
            if mean.count and mean.position is None:
                mean.position = self.last_position
                self._put(metric, self.last_position, mean.value)

    def _put(self, metric: str, position: int, value: float) -> None:
        self._curves.setdefault(metric, PointCurve()).put(position, value)
        if not self._evaluated:
            self.last_position = position

    def _mean(self, metric: str) -> _Mean:
        mean = self._means.get(metric)
        if mean is None:
            averaged = split_of(metric) == "train" or direction_of(metric) is not None
            mean = self._means[metric] = _Mean(averaged)
        return mean

    def _note_step(self, sample: Sample) -> None:
        if sample.step is not None:
            self._last_step = max(0, sample.step)


def derive_points(calls: Iterable[Sequence[Sample]], axis: Axis | None = None) -> EvaluationPoints:
    """The points of a finished run, given by its log calls in their order.

    Args:
        calls: the samples of each call; consumed once.
        axis: the axis, if it is known; otherwise it is derived.
    """
    points = EvaluationPoints(axis)
    for samples in calls:
        points.add(samples)
    points.finish()
    return points


def _kind_of(metric: str) -> str:
    if metric.startswith(_WITHOUT_POINTS):
        return "machine"
    return "evaluation" if is_evaluation(metric) else "training"


def _is_whole(epoch: float | None) -> bool:
    return epoch is not None and abs(epoch - round(epoch)) < 1e-6
