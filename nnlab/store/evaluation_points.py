"""The points of a run of another program, derived from the samples that it logged.

Rankings, rules and figures read one value per evaluation, at the same positions for training and
validation. Programs log a training loss every few steps and evaluate now and then; this module
gives each evaluation the mean of the training metrics since the previous one.
"""

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from nnlab.metric_names import is_evaluation, split_of
from nnlab.objective import direction_of
from nnlab.records import Axis, Direction, Sample
from nnlab.store.curve_summary import (
    SummaryRow,
    merge_summaries,
    summarize_curve,
    summarize_point,
)
from nnlab.store.row_validation import MAX_EPOCHS

# Usage of the machine: stored as samples only.
_WITHOUT_POINTS = "system/"
# Numbers of epochs in the database are limited; a later step counts as this one.
LARGEST_POSITION = MAX_EPOCHS
# A run without evaluations keeps at most this many points of a metric, each a mean.
MAX_POINTS_WITHOUT_EVALUATION = 1024


@dataclass(frozen=True, slots=True)
class CurveChange:
    """A change of a metric's points: those from `delete_from` on are deleted, then others set.

    `positions` and `values` are the points that are set, as compact arrays: there may be millions.
    `lowest` and `highest` are the summaries of all its points if lower, or higher, values are
    better; None if no point is left.
    """

    delete_from: int | None
    positions: Sequence[int]
    values: Sequence[float]
    lowest: SummaryRow | None
    highest: SummaryRow | None


class PointCurve:
    """The points of one metric, and what changed since it was last stored."""

    def __init__(self) -> None:
        self.positions = array("q")
        self.values = array("d")
        self._delete_from: int | None = None
        self._changed_from: int | None = None  # an index
        # Of the first `_summarized` points, which are all but the last at most: the last one
        # changes while its mean is computed.
        self._summarized = 0
        self._lowest: SummaryRow | None = None
        self._highest: SummaryRow | None = None

    def put(self, position: int, value: float) -> None:
        """Sets the value at a position; points after it are deleted."""
        positions = self.positions
        if positions and position <= positions[-1]:
            if position == positions[-1]:
                self.values[-1] = value
                if self._changed_from is None:
                    self._changed_from = len(positions) - 1
                return
            self.delete_from(position)
        positions.append(position)
        self.values.append(value)
        if self._changed_from is None:
            self._changed_from = len(positions) - 1

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
        if self._summarized >= index:
            self._summarized = 0
            self._lowest = self._highest = None

    def pending_change(self) -> CurveChange | None:
        """What changed since `mark_stored` was last called; None if nothing did."""
        if self._changed_from is None and self._delete_from is None:
            return None
        begin = len(self.positions) if self._changed_from is None else self._changed_from
        self._summarize()
        return CurveChange(
            self._delete_from,
            self.positions[begin:],
            self.values[begin:],
            self._with_last("min", self._lowest),
            self._with_last("max", self._highest),
        )

    def mark_stored(self) -> None:
        """Says that the pending change was stored."""
        self._changed_from = self._delete_from = None

    def _summarize(self) -> None:
        """Extends the summaries to all points but the last."""
        begin, end = self._summarized, len(self.positions) - 1
        if begin < end:
            new = self.positions[begin:end], self.values[begin:end]
            self._lowest = merge_summaries("min", self._lowest, summarize_curve("min", *new))
            self._highest = merge_summaries("max", self._highest, summarize_curve("max", *new))
            self._summarized = end

    def _with_last(self, direction: Direction, before: SummaryRow | None) -> SummaryRow | None:
        if not self.positions:
            return None
        last = summarize_point(self.positions[-1], self.values[-1])
        return merge_summaries(direction, before, last)


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
    """Means over buckets of equally many positions, for a run that never evaluates."""

    def __init__(self) -> None:
        self._stride = 1
        self._last = -1
        self._buckets: dict[int, list[float]] = {}  # last position, sum, count of each

    def add(self, position: int, value: float) -> None:
        """Adds a value; the buckets from its position on are dropped if it goes back."""
        if position < self._last:
            self._buckets = {k: b for k, b in self._buckets.items() if b[0] < position}
        self._last = position
        bucket = self._buckets.get(position // self._stride)
        if bucket is not None:
            bucket[0] = position
            bucket[1] += value
            bucket[2] += 1
            return
        self._buckets[position // self._stride] = [position, value, 1]
        while len(self._buckets) > MAX_POINTS_WITHOUT_EVALUATION:
            self._merge_pairs()

    def copy_to(self, curve: PointCurve) -> None:
        """Makes the points of a curve those of the buckets, and changes no others."""
        points = [(int(last), total / count) for last, total, count in self._buckets.values()]
        stored = zip(curve.positions, curve.values, strict=True)
        same = sum(1 for _ in takewhile(_is_pair_equal, zip(points, stored, strict=False)))
        if same < len(curve.positions):
            curve.delete_from(curve.positions[same])
        for position, value in points[same:]:
            curve.put(position, value)

    def _merge_pairs(self) -> None:
        self._stride *= 2
        merged: dict[int, list[float]] = {}
        for key, (last, total, count) in self._buckets.items():
            bucket = merged.setdefault(key // 2, [last, 0.0, 0])
            bucket[0] = last
            bucket[1] += total
            bucket[2] += count
        self._buckets = merged


def _is_pair_equal(pair: tuple[tuple[int, float], tuple[int, float]]) -> bool:
    return pair[0] == pair[1]


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
        self._thinned: dict[str, _ThinnedCurve] = {}
        # By metric: whether it is an evaluation; None if it has no points.
        self._is_evaluation: dict[str, bool | None] = {}
        self._tail: list[str] = []

    @property
    def curves(self) -> dict[str, PointCurve]:
        """The points by metric."""
        for metric, thinned in self._thinned.items():
            thinned.copy_to(self._curves.setdefault(metric, PointCurve()))
        return self._curves

    def add(self, samples: Sequence[Sample]) -> None:
        """Adds the samples of one log call, or of one row of a log."""
        self._calls += 1
        if self._tail:
            self._drop_tail()
        evaluations: list[Sample] = []
        training: list[Sample] = []
        for sample in samples:
            try:
                is_evaluation = self._is_evaluation[sample.metric]
            except KeyError:
                is_evaluation = self._classify(sample.metric)
            if is_evaluation:
                evaluations.append(sample)
            elif is_evaluation is not None:
                training.append(sample)
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
        """Adds the training metrics that were logged after the last evaluation.

        If samples are added nevertheless, because the log has grown, these points are deleted.
        """
        if not self._evaluated or self.axis != "step" or self._last_step <= self.last_position:
            return
        for metric, mean in self._means.items():
            if mean.count and mean.position is None:
                self._put(metric, self._last_step, mean.value)
                self._tail.append(metric)

    def pending_changes(self) -> dict[str, CurveChange]:
        """The metrics whose points changed since `mark_stored` was last called."""
        changes = ((metric, curve.pending_change()) for metric, curve in self.curves.items())
        return {metric: change for metric, change in changes if change is not None}

    def mark_stored(self) -> None:
        """Says that the pending changes were stored."""
        for curve in self._curves.values():
            curve.mark_stored()

    def _classify(self, metric: str) -> bool | None:
        result = None if metric.startswith(_WITHOUT_POINTS) else is_evaluation(metric)
        self._is_evaluation[metric] = result
        return result

    def _drop_tail(self) -> None:
        for metric in self._tail:
            curve = self._curves[metric]
            curve.delete_from(curve.positions[-1])
        self._tail.clear()

    def _position(self, sample: Sample) -> int:
        if self.axis == "epoch" and sample.epoch is not None and math.isfinite(sample.epoch):
            return _limited(math.ceil(sample.epoch - 1e-6))
        if sample.step is not None:
            return _limited(sample.step)
        return self._calls

    def _start_evaluations(self, first: Sample) -> None:
        self._evaluated = True
        if self._fixed_axis is None:
            self.axis = "epoch" if _is_whole(first.epoch) else "step"
        # What was logged before belongs to this evaluation; its points were provisional.
        for curve in self._curves.values():
            curve.delete_from(0)
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

    def _add_training_sample(self, sample: Sample) -> None:
        metric, value, step, epoch, _ = sample
        mean = self._means.get(metric)
        if mean is None:
            mean = self._mean(metric)
        if step is not None:
            if not 0 <= step <= MAX_EPOCHS:
                step = _limited(step)
            self._last_step = step
        position: int | None = None
        if self.axis == "epoch":
            position = None if epoch is None else self._position(sample)
        elif step == self.last_position:
            position = step  # logged after the evaluation of the same step
        if position is None:
            if mean.position is not None:
                self._means[metric] = mean = _Mean(mean.averaged)
            mean.total += value
            mean.count += 1
            mean.last = value
            return
        if mean.position != position:
            waiting = mean if mean.position is None else _Mean(mean.averaged)
            self._means[metric] = mean = waiting
            mean.position = position
        mean.add(value)
        self._put(metric, position, mean.value)

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
        curve = self._curves.get(metric)
        if curve is None:
            curve = self._curves[metric] = PointCurve()
        curve.put(position, value)

    def _mean(self, metric: str) -> _Mean:
        mean = self._means.get(metric)
        if mean is None:
            averaged = split_of(metric) == "train" or direction_of(metric) is not None
            mean = self._means[metric] = _Mean(averaged)
        return mean

    def _note_step(self, sample: Sample) -> None:
        if sample.step is not None:
            self._last_step = _limited(sample.step)


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


def _limited(position: int) -> int:
    return max(0, min(position, MAX_EPOCHS))


def _is_whole(epoch: float | None) -> bool:
    return epoch is not None and math.isfinite(epoch) and abs(epoch - round(epoch)) < 1e-6
