"""The lines of a chart with curves: runs, or the mean of the seeds of a trial with a band."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nnlab.board.curve_buckets import Buckets
from nnlab.records import Curve
from nnlab.stats.curve_band import BandKind, mean_curve, median_epoch

if TYPE_CHECKING:
    from nnlab.board.curve_buckets import Column

_DIGITS: Final = 6
_X_DIGITS: Final = 13  # milliseconds of the time of day
_LARGEST_INTEGER: Final = 2**53
# Places of values that are not finite, at most so many of a line.
_MAX_NON_FINITE = 200


@dataclass(frozen=True, slots=True)
class CurveLine:
    """A line: `y` over `x`, with bounds if its points stand for several values.

    `points` is the number of values that the line stands for, `size` that of a point of one seed.
    `version` changes when something
    else than the end of the line changes; lines are equal if it and `points` are.
    """

    key: str
    version: tuple[object, ...]
    x: "Column" = field(compare=False)
    y: "Column" = field(compare=False)
    low: "Column | None" = field(compare=False)
    high: "Column | None" = field(compare=False)
    non_finite: "Column" = field(compare=False)
    points: int
    size: int
    is_sorted: bool = True
    best: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.x)

    def with_best(self, best: tuple[float, float] | None) -> "CurveLine":
        """The line with a mark at its best value."""
        return replace(self, best=best)


def line_of_buckets(
    key: str, version: tuple[object, ...], buckets: Buckets, x: "tuple[Column, Column]"
) -> CurveLine:
    """The line of a run; buckets without an x value are left out."""
    first, last = x
    middle = first + (last - first) / 2
    kept = np.isfinite(middle)
    order = np.flatnonzero(kept)
    is_sorted = bool((np.diff(middle[order]) >= 0).all())
    if not is_sorted:
        order = order[np.argsort(middle[order], kind="stable")]
    middle = middle[order]
    has_bounds = buckets.size > 1
    incomplete = buckets["finite"][order] < buckets["count"][order]
    return CurveLine(
        key,
        (*version, buckets.size),
        middle,
        buckets.mean[order],
        buckets["low"][order] if has_bounds else None,
        buckets["high"][order] if has_bounds else None,
        middle[incomplete][:_MAX_NON_FINITE],
        int(buckets["count"][order].sum()),
        buckets.size,
        is_sorted,
    )


@lru_cache(maxsize=512)
def mean_line(key: str, metric: str, lines: tuple[CurveLine, ...], *, log_axis: bool) -> CurveLine:
    """The mean over the seeds of a trial with a band, as `stats.mean_curve` defines it.

    Of lines whose points stand for several values, the band has all values of all seeds.
    """
    version = tuple(entry for line in lines for entry in (line.key, *line.version, line.points))
    non_finite = np.unique(np.concatenate([line.non_finite for line in lines]))[:_MAX_NON_FINITE]
    points = sum(line.points for line in lines)
    if len(lines) == 1:
        return replace(lines[0], key=key)
    if any(line.low is not None for line in lines):
        return CurveLine(key, version, *_combined(lines), non_finite, points, lines[0].size)
    curves = [Curve(metric, tuple(line.x.tolist()), tuple(line.y.tolist())) for line in lines]
    band = mean_curve(curves, BandKind.INTERVAL, log_axis=log_axis)
    x, y, low, high = (np.array(c) for c in (band.epochs, band.mean, band.low, band.high))
    return CurveLine(key, version, x, y, low, high, non_finite, points, 1)


def _combined(lines: Sequence[CurveLine]) -> "tuple[Column, Column, Column, Column]":
    """x, mean, minimum and maximum over lines of buckets."""
    x = np.unique(np.concatenate([line.x for line in lines]))
    sums, counts = np.zeros(len(x)), np.zeros(len(x))
    low, high = np.full(len(x), np.nan), np.full(len(x), np.nan)
    for line in lines:
        at = np.searchsorted(x, line.x)
        finite = np.isfinite(line.y)
        sums[at] += np.where(finite, line.y, 0.0)
        counts[at] += finite
        low[at] = np.fmin(low[at], line.y if line.low is None else line.low)
        high[at] = np.fmax(high[at], line.y if line.high is None else line.high)
    with np.errstate(invalid="ignore", divide="ignore"):
        return x, sums / counts, low, high


def mean_best(line: CurveLine, epochs: Sequence[int | None]) -> tuple[float, float] | None:
    """The median of the best epochs of the seeds, and the mean there."""
    epoch = median_epoch(epochs)
    if epoch is None or not len(line):
        return None
    index = min(int(np.searchsorted(line.x, epoch)), len(line) - 1)
    value = float(line.y[index])
    return (float(epoch), value) if math.isfinite(value) else None


def line_values(line: CurveLine, keep: int) -> Mapping[str, Any]:
    """A line for JSON; the first `keep` points are left out, because the page has them."""
    values: dict[str, Any] = {
        "key": line.key,
        "keep": keep,
        "points": line.points,
        "size": line.size,
        "x": _plain(line.x[keep:], digits=_X_DIGITS),
        "y": _plain(line.y[keep:]),
        "nonFinite": _plain(line.non_finite, digits=_X_DIGITS),
        "best": line.best,
    }
    if line.low is not None and line.high is not None:
        values |= {"low": _plain(line.low[keep:]), "high": _plain(line.high[keep:])}
    return values


def _plain(column: "Column", digits: int = _DIGITS) -> list[Any]:
    """The numbers as a list, None for those that are not finite."""
    finite = np.isfinite(column)
    if finite.all() and (np.abs(column) < _LARGEST_INTEGER).all():
        integers = column.astype(np.int64)
        if (integers == column).all():
            return list(integers.tolist())
    rounded = round_significant(np.where(finite, column, 0.0), digits)
    values: list[Any] = rounded.tolist()
    if not finite.all():
        for index in np.flatnonzero(~finite):
            values[index] = None
    return values


def round_significant(column: "Column", digits: int) -> "Column":
    """Finite numbers rounded to significant digits, so that their text is short."""
    with np.errstate(divide="ignore"):
        exponents = np.floor(np.log10(np.abs(column)))
    places = np.clip(np.where(column == 0, 0, digits - 1 - exponents), -290, 290)
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.where(places >= 0, np.round(column * up) / up, np.round(column / down) * down)
    result: Column = np.where(np.isfinite(rounded), rounded, column)
    return result
