"""Curves that leave the value axis of a panel: where, how far, and whether they diverged."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nnlab.figures.draw.axis_scales import format_power_of_ten
from nnlab.figures.draw.display_names import split_of
from nnlab.figures.draw.panel_curves import PanelCurves
from nnlab.figures.draw.series import Series
from nnlab.records import Curve, History

_LOSSES = ("train/loss", "val/loss")
_MIN_PLAIN, _MAX_PLAIN = 1e-3, 1e4


@dataclass(frozen=True, slots=True)
class AxisExit:
    """The point at which the curve of the trial `rank` leaves the axis, and a text such as `to 80`.

    `rank` is None for all trials without a colour together; `x` is an epoch, between two epochs if
    the line between them crosses the limit; `upward` says whether it leaves at the upper limit.
    """

    rank: int | None
    x: float
    upward: bool
    text: str


@dataclass(frozen=True, slots=True)
class CurveExit:
    """Where a line leaves the axis: at `x`, by the upper limit or not, and its furthest value.

    `returns` says whether it only begins outside.
    """

    x: float
    upward: bool
    furthest: float
    returns: bool


def axis_exits(
    panel: PanelCurves,
    series: Sequence[Series],
    named: int,
    limits: tuple[float, float] | None = None,
) -> list[AxisExit]:
    """The exits of the first `named` trials, and one for all others together.

    Args:
        panel: the curves.
        series: the trials.
        named: how many trials have a colour.
        limits: the limits of the axis; by default those of the panel's range.
    """
    low, high = panel.limits if limits is None else limits
    exits: list[AxisExit] = []
    others: list[tuple[CurveExit, bool]] = []
    for rank, trial in enumerate(series):
        # Validation curves come first, because they are drawn on top.
        curves = sorted(
            (curve for curve in panel.curves if curve.rank == rank),
            key=lambda curve: split_of(curve.metric) == "train",
        )
        curve_exit = next(
            filter(
                None,
                (
                    find_exit(
                        zip(curve.band.epochs, curve.band.mean, strict=True),
                        low,
                        high,
                        log=panel.is_log,
                    )
                    for curve in curves
                ),
            ),
            None,
        )
        if curve_exit is None:
            continue
        diverged = sum(map(has_diverged, trial.histories))
        if rank >= named:
            others.append((curve_exit, diverged > 0))
            continue
        text = exit_text(curve_exit, diverged, len(trial.histories))
        exits.append(AxisExit(rank, curve_exit.x, curve_exit.upward, text))
    return [*exits, *_exit_of_others(others)]


def has_diverged(history: History) -> bool:
    """Whether a loss of the run ends in NaN or infinity."""
    curves = filter(None, map(history.get, _LOSSES))
    return any(len(curve) and not math.isfinite(curve.values[-1]) for curve in curves)


def divergence_points(trial: Series, metric: str) -> list[tuple[int, float]]:
    """The last finite point of the metric in every seed that diverged."""
    points = []
    for history in trial.histories:
        curve = history.get(metric)
        if curve and (has_diverged(history) or not math.isfinite(curve.values[-1])):
            points += _last_finite(curve)
    return points


def _last_finite(curve: Curve) -> list[tuple[int, float]]:
    return [(epoch, value) for epoch, value in curve if math.isfinite(value)][-1:]


def find_exit(
    line: Iterable[tuple[float, float]], low: float, high: float, *, log: bool
) -> CurveExit | None:
    """Where a line of points first leaves the limits of an axis; None if it stays inside."""
    points = [(x, value) for x, value in line if math.isfinite(x) and math.isfinite(value)]
    outside = [i for i, (_, value) in enumerate(points) if not low <= value <= high]
    if not outside:
        return None
    first = outside[0]
    x, value = points[first]
    upward = value > high
    limit = high if upward else low
    if first > 0:
        x = _crossing(points[first - 1], points[first], limit, log=log)
    beyond = [points[i][1] for i in outside if (points[i][1] > high) is upward]
    returns = first == 0 and outside == list(range(len(outside))) and len(outside) < len(points)
    return CurveExit(x, upward, (max if upward else min)(beyond), returns)


def _crossing(
    before: tuple[float, float], after: tuple[float, float], limit: float, *, log: bool
) -> float:
    """The x at which the straight line between two points crosses the limit of the axis."""
    start, end, level = (
        (math.log(before[1]), math.log(after[1]), math.log(limit))
        if log and after[1] > 0
        else (before[1], after[1], limit)
    )
    return before[0] + (after[0] - before[0]) * (level - start) / (end - start)


def exit_text(curve_exit: CurveExit, diverged: int, seeds: int) -> str:
    """A word on a trial whose curve leaves the axis: how many seeds diverged, or the value."""
    if diverged == seeds:
        return "diverged"
    if diverged:
        return f"{diverged} of {seeds} diverged"
    preposition = "from" if curve_exit.returns else "to"
    return f"{preposition} {_short_number(curve_exit.furthest)}"


def _exit_of_others(others: Sequence[tuple[CurveExit, bool]]) -> list[AxisExit]:
    """The exits of all trials without a colour as one, at the first of them."""
    if not others:
        return []
    upward = others[0][0].upward
    same_side = [(curve, diverged) for curve, diverged in others if curve.upward is upward]
    furthest = (max if upward else min)(curve.furthest for curve, _ in same_side)
    count, diverged = len(same_side), sum(diverged for _, diverged in same_side)
    noun = f"{count} other{'s' if count > 1 else ''}"
    text = f"{noun} to {_short_number(furthest)}"
    if diverged:
        text = f"{noun} diverged" if diverged == count else f"{text}, {diverged} diverged"
    return [AxisExit(None, min(curve.x for curve, _ in same_side), upward, text)]


def _short_number(value: float) -> str:
    """A number with two or three digits, as a power of ten if it is large or small.

    >>> _short_number(22.41), _short_number(3456.7), _short_number(312000.0)
    ('22.4', '3457', '3.1·10⁵')
    """
    magnitude = abs(value)
    if magnitude == 0 or _MIN_PLAIN <= magnitude < _MAX_PLAIN:
        text = f"{magnitude:.0f}" if magnitude >= 100 else f"{magnitude:.3g}"
    else:
        text = format_power_of_ten(float(f"{magnitude:.1e}"))
    return f"\N{MINUS SIGN}{text}" if value < 0 else text


def is_inside(value: float, panel: PanelCurves) -> bool:
    """Whether a value is finite and within the limits of the axis."""
    low, high = panel.limits
    return math.isfinite(value) and low <= value <= high
