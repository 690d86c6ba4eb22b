"""`CurveCache`: the curves that the board has read, so that each row is read once.

A long curve is kept as buckets, and its rows are read again only where a reader zooms in. Rows that
were appended are read from the last bucket on. A curve is read anew when its run was trained again
or rows were removed.
"""

import itertools
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from nnlab import store
from nnlab.board.curve_buckets import Buckets, buckets_of_rows
from nnlab.board.curve_files import CurveFiles
from nnlab.errors import CorruptRow

# Curves of at most this many values are kept value by value.
MAX_SINGLE_VALUES = 4_096
BUCKET_SIZE = 64
# More buckets than this are merged.
_MAX_BUCKETS = 65_536
_MAX_BYTES = 192 * 2**20  # of all curves in memory
MAX_ROWS: Final = 2**18  # in one read
# A file is written again when the curve has grown by this factor.
_GROWTH_BETWEEN_WRITES = 1.25

_serials = itertools.count(1)


@dataclass(frozen=True, slots=True, eq=False)
class CachedCurve:
    """A curve up to the position `last`.

    `serial` changes when the curve is read anew; with the same serial, rows were only appended.
    `generation` is the attempt that was the latest when it was read.
    """

    serial: int
    generation: int
    from_samples: bool
    last: int
    buckets: Buckets


@dataclass(frozen=True, slots=True)
class CurveRequest:
    """A curve to read, the state of its rows, and the latest attempt at its run (0: none)."""

    run: store.CurveRun
    metric: str
    version: store.CurveVersion
    generation: int

    @property
    def key(self) -> tuple[int, float, str]:
        """Identifies the curve; ids of runs may be used again after `nnlab db gc`."""
        return self.run.id, self.run.created_at, self.metric


class CurveCache:
    """The curves of a database, in memory and for long ones in files; threads may share it."""

    def __init__(self, db: store.Database, folder: Path | None = None) -> None:
        """An empty cache.

        Args:
            db: the database.
            folder: where the files are; by default in the user's cache folder.
        """
        self._db = db
        self._files = CurveFiles(
            f"{db.address.display_name}\n{db.address.artifacts.absolute()}", folder
        )
        self._curves: OrderedDict[tuple[int, float, str], CachedCurve] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._reading: Final = tuple(threading.Lock() for _ in range(16))
        self._written: dict[tuple[int, float, str], int] = {}

    def curve(self, request: CurveRequest, deadline: float) -> CachedCurve | None:
        """The curve up to the version of the request.

        After the deadline (`time.monotonic()`) it ends earlier, or is None if nothing was read.

        Raises:
            CorruptRow: a value is not a number.
        """
        with self._reading[hash(request.key) % len(self._reading)]:
            cached = self._cached(request)
            if cached is not None and _is_current(cached, request.version):
                return cached
            cached = self._extended(cached, request, deadline)
            if cached is not None:
                self._keep(request.key, cached)
                self._write(request, cached)
            return cached

    def rows(self, request: CurveRequest, first: float, last: float) -> Buckets:
        """The values between two positions, one per bucket."""
        rows = store.curve_rows(
            self._db, request.run.id, request.metric, from_samples=request.version.from_samples,
            first=int(first), last=int(last), limit=MAX_ROWS,
        )  # fmt: skip
        return _buckets(request, rows, 1)

    def _cached(self, request: CurveRequest) -> CachedCurve | None:
        """The curve in memory or in a file, if rows were only appended since."""
        with self._lock:
            cached = self._curves.get(request.key)
            if cached is not None:
                self._curves.move_to_end(request.key)
        if cached is None:
            cached = self._read_file(request)
        version = request.version
        if (
            cached is None
            or (cached.generation, cached.from_samples)
            != (request.generation, version.from_samples)
            or cached.last > version.last
            or (cached.last == version.last and not _is_current(cached, version))
        ):
            return None
        return cached

    def _read_file(self, request: CurveRequest) -> CachedCurve | None:
        if request.version.last < MAX_SINGLE_VALUES:
            return None  # too short for a file
        content = self._files.read(repr(request.key))
        if content is None or len(content[0]) != 3 or not len(content[1]):
            return None
        (generation, from_samples, last), buckets = content
        self._written[request.key] = buckets.total_count
        return CachedCurve(next(_serials), generation, bool(from_samples), last, buckets)

    def _extended(
        self, cached: CachedCurve | None, request: CurveRequest, deadline: float
    ) -> CachedCurve | None:
        """The curve with the rows up to the version of the request, or up to the deadline."""
        was_read_anew = cached is None
        while cached is None or cached.last < request.version.last:
            if time.monotonic() > deadline:
                return cached
            extended = self._with_next_rows(cached, request)
            if extended is None:  # rows changed, or the steps went back
                if was_read_anew:
                    return self._read_at_once(request)
                cached, was_read_anew = None, True
                continue
            if cached is not None and extended.last == cached.last:
                break
            cached = extended
        if not _is_current(cached, request.version) and not was_read_anew:
            return self._extended(None, request, deadline)
        return cached

    def _with_next_rows(
        self, cached: CachedCurve | None, request: CurveRequest
    ) -> CachedCurve | None:
        """The curve with the rows of one more read; None if they do not continue it."""
        first = 0 if cached is None else int(cached.buckets["position_first"][-1])
        rows = store.curve_rows(
            self._db, request.run.id, request.metric, from_samples=request.version.from_samples,
            first=first, last=request.version.last, limit=MAX_ROWS,
        )  # fmt: skip
        is_all = len(rows.positions) < MAX_ROWS
        last = request.version.last if is_all else rows.positions[-1]
        if cached is None:
            size = 1 if len(rows.positions) <= MAX_SINGLE_VALUES and is_all else BUCKET_SIZE
            return _new_curve(request, last, _buckets(request, rows, size))
        buckets = _buckets(request, rows, cached.buckets.size)
        if not _continues(cached.buckets, buckets):
            return None
        joined = _compact(cached.buckets.part(0, -1).followed_by(buckets))
        serial = cached.serial if joined.size == cached.buckets.size else next(_serials)
        return CachedCurve(serial, cached.generation, cached.from_samples, last, joined)

    def _read_at_once(self, request: CurveRequest) -> CachedCurve:
        """The curve of a run whose steps go back at some place."""
        rows = store.curve_rows(
            self._db, request.run.id, request.metric, from_samples=request.version.from_samples,
            last=request.version.last,
        )  # fmt: skip
        size = 1 if len(rows.positions) <= MAX_SINGLE_VALUES else BUCKET_SIZE
        return _new_curve(request, request.version.last, _buckets(request, rows, size))

    def _keep(self, key: tuple[int, float, str], curve: CachedCurve) -> None:
        with self._lock:
            if (old := self._curves.pop(key, None)) is not None:
                self._bytes -= _size(old)
            self._curves[key] = curve
            self._bytes += _size(curve)
            while self._bytes > _MAX_BYTES and len(self._curves) > 1:
                _, oldest = self._curves.popitem(last=False)
                self._bytes -= _size(oldest)

    def _write(self, request: CurveRequest, curve: CachedCurve) -> None:
        count = curve.buckets.total_count
        if (
            curve.buckets.size == 1
            or count < self._written.get(request.key, 1) * _GROWTH_BETWEEN_WRITES
        ):
            return
        self._written[request.key] = count
        numbers = (curve.generation, int(curve.from_samples), curve.last)
        self._files.write(repr(request.key), numbers, curve.buckets)


def _is_current(curve: CachedCurve, version: store.CurveVersion) -> bool:
    return curve.last == version.last and version.count in (None, curve.buckets.total_count)


def _new_curve(request: CurveRequest, last: int, buckets: Buckets) -> CachedCurve:
    return CachedCurve(
        next(_serials), request.generation, request.version.from_samples, last, _compact(buckets)
    )


def _compact(buckets: Buckets) -> Buckets:
    if buckets.size == 1 and len(buckets) > MAX_SINGLE_VALUES:
        buckets = buckets.merged(BUCKET_SIZE)
    while len(buckets) > _MAX_BUCKETS:
        buckets = buckets.merged(2)
    return buckets


def _continues(old: Buckets, new: Buckets) -> bool:
    """Whether new buckets start with the last old one, which may have grown."""
    if len(new) == 0 or len(old) == 0:
        return False
    same = ["position_first", "first"]
    if old["count"][-1] == old.size:
        same += ["position_last", "last", "low", "high"]
    if not all(np.array_equal(old[n][-1:], new[n][:1], equal_nan=True) for n in same):
        return False
    if len(old) > 1 and old.has("step"):
        # Steps that go back replace earlier samples.
        return not new["step_first"][0] <= old["step_last"][-2]
    return bool(new["count"][0] >= old["count"][-1])


def _buckets(request: CurveRequest, rows: store.CurveRows, size: int) -> Buckets:
    try:
        return buckets_of_rows(rows, size)
    except (TypeError, ValueError) as error:
        raise CorruptRow(
            f"a value of {request.metric} of run {request.run.id} is not a number",
            hint="nnlab db check lists all such rows",
        ) from error


def _size(curve: CachedCurve) -> int:
    return sum(column.nbytes for column in curve.buckets.columns.values())
