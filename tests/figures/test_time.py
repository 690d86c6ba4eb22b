"""Figures of a metric over its cost: hollow markers, crosses, and the target."""

import math

from figure_checks import assert_readable, ys
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from nnlab.figures.kinds.time import CostCurve, draw_cost_curves

COST = (1.0, 2.0, 3.0, 4.0)
MEAN = (0.5, 0.6, 0.7, 0.8)


def curve(label: str, *complete: bool, mean: tuple[float, ...] = MEAN, **more: int) -> CostCurve:
    count = len(mean)
    return CostCurve(label, COST[:count], mean, mean, mean, None, complete, **more)


def draw(*curves: CostCurve, target: float | None = None) -> Figure:
    figure = draw_cost_curves(
        curves, "Seconds", "Accuracy", log_y=False, lower=False, target=target
    )
    assert_readable(figure)
    return figure


def legend_labels(figure: Figure) -> list[str]:
    legends = [entry for entry in figure.findobj(Legend) if isinstance(entry, Legend)]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def markers(ax: Axes, *, hollow: bool) -> list[Line2D]:
    return [
        line
        for line in ax.lines
        if line.get_linestyle() == "None"
        and line.get_marker() in ("s", "^")
        and (line.get_markerfacecolor() == "#FFFFFF") is hollow
        and len(ys(line))
    ]


def test_the_end_of_a_trial_that_ended_early_is_hollow() -> None:
    finished, early = (
        curve("a", True, True, True, True),
        curve("b", True, True, False, mean=MEAN[:3]),
    )
    figure = draw(finished, early)
    (ax,) = figure.axes
    (hollow,) = markers(ax, hollow=True)
    assert ys(hollow) == (0.7,)
    assert "ended early, or not all seeds" in legend_labels(figure)
    assert "ended early, or not all seeds" not in legend_labels(draw(finished, finished))


def test_where_seeds_are_missing_the_line_is_dashed_and_the_markers_are_hollow() -> None:
    (ax,) = draw(curve("a", *[True] * 4), curve("b", True, True, False, False)).axes
    (hollow,) = markers(ax, hollow=True)
    (filled,) = markers(ax, hollow=False)
    assert ys(hollow) == (0.7, 0.8)
    assert ys(filled) == (0.5, 0.6)
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    drawn = [ys(line) for line in dashed if not all(map(math.isnan, ys(line)))]
    assert drawn == [(0.6, 0.7, 0.8)]


def test_a_trial_that_diverged_ends_in_a_cross() -> None:
    diverged = curve("b", True, True, False, mean=MEAN[:3], seeds=2, diverged=2)
    figure = draw(curve("a", *[True] * 4), diverged)
    (ax,) = figure.axes
    (cross,) = [line for line in ax.lines if line.get_marker() == "x"]
    assert ys(cross) == (0.7,)
    assert "diverged" in legend_labels(figure)


def test_the_target_is_reached_at_a_hollow_ring() -> None:
    reached = CostCurve("a", COST, MEAN, MEAN, MEAN, 3.0, (True,) * 4)
    (ax,) = draw(reached, curve("b", *[True] * 4), target=0.65).axes
    (ring,) = [
        line
        for line in ax.lines
        if line.get_marker() == "o" and line.get_markerfacecolor() == "#FFFFFF" and len(ys(line))
    ]
    assert ys(ring) == (0.65,)


def test_a_line_that_leaves_the_axis_is_marked() -> None:
    calm = (1.0, 0.5, 0.4, 0.3)
    wild = CostCurve("w", COST, (1.0, 1e6, 1e7, 1e8), calm, calm, None)
    trials = [*(CostCurve(f"{i}", COST, calm, calm, calm, None) for i in range(3)), wild]
    figure = draw_cost_curves(trials, "Seconds", "Loss", log_y=True)
    assert "to 10⁸" in [text.get_text() for text in figure.axes[0].texts]
    assert figure.axes[0].get_ylim()[1] < 10
