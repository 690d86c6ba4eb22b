"""Reads the curves of runs through the cache, at most for a limited time per request."""

import threading
import time
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np

from nnlab import store
from nnlab.analysis.run_value import EPOCH_TIME_METRIC
from nnlab.board.curve_axes import CurveAxis, EpochTimes, epoch_times, x_values
from nnlab.board.curve_buckets import Buckets, buckets_of_rows
from nnlab.board.curve_cache import MAX_ROWS, CachedCurve, CurveCache, CurveRequest
from nnlab.board.curve_lines import CurveLine, line_of_buckets
from nnlab.errors import CorruptRow

if TYPE_CHECKING:
    from nnlab.board.curve_buckets import Column

# Reading long curves for the first time takes seconds; the page asks for the others again.
READING_SECONDS: Final = 2.0

_caches: WeakKeyDictionary[store.Database, CurveCache] = WeakKeyDictionary()
_caches_lock = threading.Lock()


def curve_cache(db: store.Database) -> CurveCache:
    """The cache of the curves of a database."""
    with _caches_lock:
        if (cache := _caches.get(db)) is None:
            cache = _caches[db] = CurveCache(db)
        return cache


@dataclass(frozen=True, slots=True)
class CurveWindow:
    """Which part of curves is drawn, and with how many points at most."""

    axis: CurveAxis
    low: float | None
    high: float | None
    max_points: int

    @property
    def is_zoomed(self) -> bool:
        """Whether only a part of the axis is drawn."""
        return self.low is not None or self.high is not None


class CurveReader:
    """The curves of some runs, as one request sees them.

    `pending` are the runs of each metric whose curves were not read completely in time; `notes`
    say what is missing for another reason.
    """

    def __init__(
        self,
        db: store.Database,
        runs: Mapping[int, store.CurveRun],
        metrics: Collection[str],
        window: CurveWindow,
    ) -> None:
        """Reads how far the curves are stored.

        Args:
            db: the database.
            runs: the runs by id.
            metrics: the metrics that will be read.
            window: the part to read.
        """
        self._db, self._runs, self._window = db, runs, window
        self._cache = curve_cache(db)
        self._deadline = time.monotonic() + READING_SECONDS
        names = set(metrics) | {window.axis.metric} | {EPOCH_TIME_METRIC}
        self._versions = store.curve_versions(db, list(runs), names)
        self._attempts = store.latest_attempts(db, list(runs))
        self._times: dict[int, EpochTimes | None] = {}
        self.pending: dict[str, list[int]] = {}
        self.notes: dict[str, None] = {}

    def stored(self, run_ids: Sequence[int], metric: str) -> Hashable:
        """How far the curves of a line are stored; the line is new if this has changed.

        It is None if no run has the metric.
        """
        names = {metric, self._window.axis.metric}
        if self._window.axis.is_time:
            names.add(EPOCH_TIME_METRIC)
        if not any((run_id, metric) in self._versions for run_id in run_ids):
            return None
        return tuple(
            (run_id, name, self._attempts.get(run_id), self._versions.get((run_id, name)))
            for run_id in run_ids
            for name in sorted(names)
        )

    def lines(self, run_ids: Sequence[int], metric: str, *, same_size: bool) -> list[CurveLine]:
        """The line of each of the runs that has the metric over the axis.

        Args:
            run_ids: the runs.
            metric: the metric.
            same_size: whether the points of all lines stand for equally many values.
        """
        window = self._window
        parts: dict[int, tuple[int, Buckets]] = {}
        for run_id in run_ids:
            curve = self._curve(run_id, metric)
            if curve is not None and (read_part := self._part(run_id, metric, curve)) is not None:
                parts[run_id] = read_part
        if same_size and parts:
            largest = max(part.limited(window.max_points).size for _, part in parts.values())
        lines = []
        for run_id, (serial, part) in parts.items():
            limited = (
                part.merged(max(1, largest // part.size))
                if same_size
                else part.limited(window.max_points)
            )
            x = self._x_values(run_id, limited)
            if x is not None:
                lines.append(line_of_buckets(f"run:{run_id}", (serial, window), limited, x))
        return [line for line in lines if len(line)]

    def _curve(self, run_id: int, metric: str) -> CachedCurve | None:
        request = self._request(run_id, metric)
        if request is None:
            return None
        try:
            curve = self._cache.curve(request, self._deadline)
        except CorruptRow as error:
            self.notes[str(error)] = None
            return None
        if curve is None or curve.last < request.version.last:
            self.pending.setdefault(metric, []).append(run_id)
        return curve if curve is not None and len(curve.buckets) else None

    def _request(self, run_id: int, metric: str) -> CurveRequest | None:
        version = self._versions.get((run_id, metric))
        if version is None:
            return None
        return CurveRequest(self._runs[run_id], metric, version, self._attempts.get(run_id, 0))

    def _part(self, run_id: int, metric: str, curve: CachedCurve) -> tuple[int, Buckets] | None:
        """The buckets in the window, with the number that identifies their beginning."""
        window = self._window
        if window.axis.kind == "metric":
            pairs = self._pairs(run_id, metric, curve)
            return None if pairs is None else (curve.serial, pairs)
        if not window.is_zoomed:
            return curve.serial, curve.buckets
        part = self._zoomed(run_id, curve.buckets)
        if part is None or part.size == 1 or len(part) > window.max_points // 8:
            return None if part is None else (curve.serial, part)
        request = self._request(run_id, metric)
        if request is None or not len(part):
            return None
        first, last = part["position_first"][0], part["position_last"][-1]
        detail = self._zoomed(run_id, self._cache.rows(request, first, last))
        return None if detail is None else (curve.serial, detail)

    def _zoomed(self, run_id: int, buckets: Buckets) -> Buckets | None:
        """The buckets in the window, and one on each side, where the line enters and leaves it."""
        x = self._x_values(run_id, buckets)
        if x is None:
            return None
        low = -np.inf if self._window.low is None else self._window.low
        high = np.inf if self._window.high is None else self._window.high
        inside = np.flatnonzero((x[1] >= low) & (x[0] <= high))
        if not len(inside):
            return None
        return buckets.part(max(0, inside[0] - 1), inside[-1] + 2)

    def _x_values(self, run_id: int, buckets: Buckets) -> "tuple[Column, Column] | None":
        axis = self._window.axis
        if axis.kind == "metric":
            return buckets["position_first"], buckets["position_last"]
        times = self._epoch_times(run_id) if axis.is_time and not buckets.has("time") else None
        return x_values(axis, self._runs[run_id], buckets, times)

    def _epoch_times(self, run_id: int) -> EpochTimes | None:
        if run_id not in self._times:
            durations = None if self._runs[run_id].axis == "step" else self._durations(run_id)
            self._times[run_id] = (
                None
                if durations is None
                else epoch_times(durations, store.attempts(self._db, run_id))
            )
        return self._times[run_id]

    def _durations(self, run_id: int) -> Buckets | None:
        curve = self._curve(run_id, EPOCH_TIME_METRIC)
        return None if curve is None else curve.buckets

    def _pairs(self, run_id: int, metric: str, curve: CachedCurve) -> Buckets | None:
        """Buckets over the values of another metric: its values are their positions."""
        x_curve = self._curve(run_id, self._window.axis.metric)
        if x_curve is None or x_curve.from_samples != curve.from_samples:
            return None
        y_rows = self._single_values(run_id, metric, curve)
        x_rows = self._single_values(run_id, self._window.axis.metric, x_curve)
        positions, at_x, at_y = np.intersect1d(
            x_rows["position_first"], y_rows["position_first"], return_indices=True
        )
        if not len(positions):
            return None
        x, y = x_rows["first"][at_x], y_rows["first"][at_y]
        order = np.argsort(x, kind="stable")
        order = order[np.isfinite(x[order])]
        return buckets_of_rows(store.CurveRows(x[order].tolist(), y[order].tolist()), 1)

    def _single_values(self, run_id: int, metric: str, curve: CachedCurve) -> Buckets:
        request = self._request(run_id, metric)
        if curve.buckets.size == 1 or request is None:
            return curve.buckets
        if curve.buckets.total_count > MAX_ROWS:
            self.notes[f"run {run_id}: only the first {MAX_ROWS:,} values are drawn"] = None
        return self._cache.rows(request, 0, curve.last)
