"""The axes of parallel coordinates: the height of each trial on an axis, and its tick labels.

Trials with the same value stand side by side in a band, so that equal paths remain separate lines.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.ticker import LogLocator, MaxNLocator

from nnlab.figures.draw.axis_range import AxisRange
from nnlab.figures.draw.labels import short_labels
from nnlab.figures.draw.tested_values import is_plain, tick_text

_MAX_CATEGORY_LABELS = 8  # per axis
_LOG_FROM_DECADES = 1.0
_CATEGORY_GAP = 0.08  # between the bands of categories, as a share of the axis
_VALUE_BAND, _VALUE_BAND_OF_GAP = 0.06, 0.5  # the band of equal numbers, and as a share of gaps
_MAX_VALUE_TICKS = 6  # more different numbers get round ticks


@dataclass(frozen=True, slots=True)
class ParallelAxis:
    """A setting: its name, and the value of each trial; None if a trial has no value.

    `categories` is the order of texts from the bottom; by default they are sorted.
    """

    name: str
    values: tuple[float | str | None, ...]
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AxisHeights:
    """The height of each trial on an axis from 0 to 1, tick labels, and the bands of equal values.

    The height is None if a trial has no value; bands are their lower and upper end.
    """

    heights: tuple[float | None, ...]
    ticks: tuple[tuple[float, str], ...]
    bands: tuple[tuple[float, float], ...] = ()


def setting_heights(axis: ParallelAxis, outcome_order: Sequence[int]) -> AxisHeights:
    """The heights of trials on the axis of a setting.

    Numbers are on a linear scale, or a logarithmic one from one decade on. Categories have bands
    as high as their number of trials.

    Args:
        axis: the setting.
        outcome_order: the trials in the order in which equal values are stacked, from the bottom.
    """
    numbers = [v for v in axis.values if not isinstance(v, str | None) and math.isfinite(v)]
    if not numbers or len(numbers) < sum(value is not None for value in axis.values):
        return _category_heights(axis, outcome_order)
    low, high = min(numbers), max(numbers)
    is_log = low > 0 and math.log10(high / low) >= _LOG_FROM_DECADES
    place = _placement(AxisRange(low, high, is_log))
    groups = {value: place(value) for value in sorted(set(numbers))}
    heights, bands = _spread(axis.values, groups, outcome_order)
    ticks = (
        list(groups)
        if len(groups) <= _MAX_VALUE_TICKS
        else round_ticks(AxisRange(low, high, is_log))
    )
    plain = is_plain(ticks)
    labels = tuple((place(tick), tick_text(tick, plain=plain)) for tick in ticks)
    return AxisHeights(heights, labels, bands)


def outcome_heights(values: Sequence[float], axis_range: AxisRange) -> AxisHeights:
    """The heights of finite results on their axis; values outside of its range are at its ends."""
    place = _placement(axis_range)
    ticks = round_ticks(axis_range)
    plain = is_plain(ticks)
    return AxisHeights(
        tuple(
            min(max(place(_within(value, axis_range)), 0.0), 1.0) if math.isfinite(value) else None
            for value in values
        ),
        tuple((place(tick), tick_text(tick, plain=plain)) for tick in ticks),
    )


def round_ticks(axis_range: AxisRange) -> list[float]:
    """Round values within a range: about five, or the powers of ten of a logarithmic range."""
    low, high = axis_range.low, axis_range.high
    if low == high:
        return [low]
    if axis_range.log:
        decades = math.log10(high / low)
        steps = (1.0,) if decades > 2 else (1.0, 3.0) if decades > 1 else (1.0, 2.0, 5.0)
        ticks = LogLocator(subs=steps, numticks=8).tick_values(low, high)
    else:
        ticks = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = 1e-9 * (high - low)
    # Steps are multiplied out, which leaves rounding errors such as 0.30000000000000004.
    return [float(f"{t:.10g}") for t in ticks if low - slack <= t <= high + slack]


def _within(value: float, axis_range: AxisRange) -> float:
    return min(max(value, axis_range.low), axis_range.high)


def _placement(axis_range: AxisRange) -> Callable[[float], float]:
    """The function from a value to its height from 0 to 1."""
    low, high = axis_range.low, axis_range.high

    def place(value: float) -> float:
        if high == low:
            return 0.5
        if axis_range.log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    return place


def _spread(
    values: Sequence[float | str | None],
    groups: dict[float, float],
    outcome_order: Sequence[int],
) -> tuple[tuple[float | None, ...], tuple[tuple[float, float], ...]]:
    """The heights of numbers, equal ones side by side around their place, and the bands of these.

    Args:
        values: the number of each trial.
        groups: the place of each number.
        outcome_order: the trials from the bottom of a band.
    """
    places = sorted(groups.values())
    gaps = [upper - lower for lower, upper in itertools.pairwise(places)]
    band = min(_VALUE_BAND, _VALUE_BAND_OF_GAP * min(gaps, default=1.0))
    heights: list[float | None] = [None] * len(values)
    bands = []
    for value, place in groups.items():
        members = [trial for trial in outcome_order if values[trial] == value]
        if len(members) > 1:
            bands.append((place - band / 2, place + band / 2))
        for index, trial in enumerate(members):
            share = index / (len(members) - 1) - 0.5 if len(members) > 1 else 0.0
            heights[trial] = place + band * share
    return tuple(heights), tuple(bands)


def _category_heights(axis: ParallelAxis, outcome_order: Sequence[int]) -> AxisHeights:
    words = list(axis.categories) or sorted({str(v) for v in axis.values if v is not None})
    members = {
        word: [
            t for t in outcome_order if axis.values[t] is not None and str(axis.values[t]) == word
        ]
        for word in words
    }
    count = sum(map(len, members.values()))
    usable = 1 - min(_CATEGORY_GAP, 0.5 / len(words)) * (len(words) - 1)
    gap = (1 - usable) / max(len(words) - 1, 1)
    heights: list[float | None] = [None] * len(axis.values)
    bands, start = [], 0.0
    for word in words:
        height = usable * len(members[word]) / max(count, 1)
        for index, trial in enumerate(members[word]):
            heights[trial] = start + height * (index + 0.5) / len(members[word])
        bands.append((start, start + height))
        start += height + gap
    names = short_labels(words, 24)
    stride = max(1, -(-len(names) // _MAX_CATEGORY_LABELS))
    ticks = [((low + high) / 2, name) for (low, high), name in zip(bands, names, strict=True)]
    return AxisHeights(tuple(heights), tuple(ticks[::stride]), tuple(bands))
