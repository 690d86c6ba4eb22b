"""Sweeps: what the legend says, dodged lines, marks of diverged runs, and the ticks."""

import math
from dataclasses import replace

import numpy as np
import pytest
from figure_checks import xs, ys
from matplotlib.axes import Axes
from matplotlib.legend import Legend

from nnlab.figures.draw.paper import use_paper
from nnlab.figures.draw.tested_values import set_tested_values_axis
from nnlab.figures.draw.venues import paper_for_venue
from nnlab.figures.kinds.sweep import SweepLine, SweepPoint, draw_sweep

SEEDS = (0.90, 0.92, 0.94)
DIVERGED = SweepPoint(1.0, math.nan, None, (), diverged=3, runs=3)
PARTLY = SweepPoint(1.0, 0.92, (0.8, 0.97), (0.91, 0.93), diverged=1, runs=3)


def line(label: str, *sweep_points: SweepPoint, at: tuple[float, ...] = (0.001, 0.01)) -> SweepLine:
    plain = tuple(SweepPoint(value, 0.92, (0.87, 0.95), SEEDS, runs=3) for value in at)
    return SweepLine(label, (*plain, *sweep_points))


def legend_texts(ax: Axes) -> list[str]:
    figure = ax.figure.figure if ax.figure is not None else None
    assert figure is not None
    legends = [item for item in figure.findobj(Legend) if isinstance(item, Legend)]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def test_the_legend_names_mean_interval_seeds_and_divergence() -> None:
    ax = draw_sweep([line("Adam"), line("SGD", DIVERGED)], "lr", "accuracy", lower=False).axes[0]
    assert legend_texts(ax) == [
        *("mean of 3 seeds", "95 % CI", "one seed", "diverged (3/3 runs)"),
        *("Adam", "SGD"),
    ]
    ax = draw_sweep([line("")], "lr", "accuracy", unit="trial").axes[0]
    assert legend_texts(ax) == ["mean of 3 trials", "95 % CI", "one trial"]
    ax = draw_sweep([line("")], "lr", "accuracy", of_best=True).axes[0]
    assert legend_texts(ax)[0] == "mean of 3 seeds (best trial)"


def test_lines_at_one_value_stand_side_by_side_around_it() -> None:
    ax = draw_sweep([line("a"), line("b"), line("c")], "lr", "accuracy", lower=False).axes[0]
    curves = [drawn for drawn in ax.lines if str(drawn.get_label()).startswith("_trial")]
    places = np.array([xs(curve) for curve in curves])
    assert len(set(places[:, 0])) == 3
    # The axis is logarithmic, so the middle is the geometric mean.
    assert np.exp(np.log(places).mean(axis=0)) == pytest.approx([0.001, 0.01])
    spread = np.log(places).max(axis=0) - np.log(places).min(axis=0)
    assert spread == pytest.approx([spread[0]] * 2)
    assert spread[0] < 0.6 * math.log(10)


def test_a_single_line_stands_on_its_values() -> None:
    ax = draw_sweep([line("")], "lr", "accuracy").axes[0]
    assert xs(ax.lines[0]) == pytest.approx((0.001, 0.01))


@pytest.mark.parametrize("lower", [True, False])
def test_diverged_runs_are_crosses_with_their_number_at_the_worse_edge(lower: bool) -> None:
    lines = [line("a", DIVERGED), line("b", PARTLY)]
    ax = draw_sweep(lines, "lr", "loss", lower=lower).axes[0]
    crosses = [drawn for drawn in ax.lines if drawn.get_marker() == "x"]
    assert [text.get_text() for text in ax.texts] == ["3/3", "1/3"]
    shares = [ys(cross)[0] for cross in crosses]
    assert all(share > 0.85 if lower else share < 0.15 for share in shares)
    assert shares[0] != shares[1]  # one above the other
    # No value lies in the strip of the crosses, and no tick does.
    low, high = ax.get_ylim()
    inner = min(shares) if lower else max(shares)
    edge = low + inner * (high - low)
    values = [value for drawn in lines for p in drawn.sweep_points for value in p.values]
    assert all(value < edge if lower else value > edge for value in values)
    ticks = [tick for tick in ax.get_yticks() if low <= tick <= high]
    assert all(tick < edge if lower else tick > edge for tick in ticks)


def test_the_mean_of_the_remaining_runs_is_drawn_beside_the_cross() -> None:
    ax = draw_sweep([line("", PARTLY)], "lr", "accuracy", lower=False).axes[0]
    assert ys(ax.lines[0]) == pytest.approx((0.92, 0.92, 0.92))


def test_the_dots_are_the_seeds_and_equal_ones_stand_side_by_side() -> None:
    values = (0.9, 0.9, 0.9, 0.95)
    ax = draw_sweep(
        [SweepLine("", (SweepPoint(0.1, 0.9125, None, values),))], "lr", "accuracy"
    ).axes[0]
    dots = [
        (x, y)
        for drawn in ax.lines[1:]
        if drawn.get_marker() == "o"
        for x, y in zip(xs(drawn), ys(drawn), strict=True)
    ]
    assert sorted(y for _, y in dots) == list(values)
    assert len({x for x, y in dots if y == 0.9}) == 3
    assert sum(x for x, y in dots if y == 0.9) / 3 == pytest.approx(0.1)


def test_an_interval_beyond_the_axis_ends_in_an_arrow() -> None:
    wide = SweepPoint(0.1, 0.92, (0.1, 0.99), (0.91, 0.93))
    ax = draw_sweep([line("", wide)], "lr", "accuracy", lower=False).axes[0]
    (arrow,) = [drawn for drawn in ax.lines if drawn.get_marker() == "v"]
    assert ys(arrow)[0] == pytest.approx(ax.get_ylim()[0])


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ((0.001, 0.03, 30.0), "log"),
        ((0.0, 1e-4, 1e-2), "symlog"),
        ((1.0, 2.0, 3.0), "linear"),
        ((0.0, 0.01), "linear"),
        ((-10.0, 0.0, 20.0), "linear"),
    ],
)
def test_the_ticks_are_the_tested_values(values: tuple[float, ...], scale: str) -> None:
    ax = draw_sweep([line("", at=values)], "x", "loss").axes[0]
    assert ax.get_xscale() == scale
    assert list(ax.get_xticks()) == list(values)
    assert [text.get_text() for text in ax.get_xticklabels()] == [f"{value:g}" for value in values]


def test_tiny_values_are_powers_of_ten() -> None:
    ax = draw_sweep([line("", at=(0.0, 1e-6, 1e-3))], "x", "loss").axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "10⁻⁶", "10⁻³"]


def test_labels_that_would_overlap_are_left_out_but_their_ticks_remain() -> None:
    values = (*(1.0 + 0.001 * index for index in range(14)), 3.0)
    with use_paper(paper_for_venue("icml")):
        ax = draw_sweep([line("", at=values)], "x", "loss").axes[0]
    assert len(ax.get_xticks()) == 15
    assert [t.get_text() for t in ax.get_xticklabels() if t.get_text()] == ["1", "3"]
    set_tested_values_axis(ax, [0.001, 0.01])
    assert list(ax.get_xticks()) == [0.001, 0.01]


def test_a_random_sample_of_trials_is_not_connected() -> None:
    sample = tuple(SweepPoint(10.0 ** (-k / 5), 0.9, None, (0.9,)) for k in range(20))
    ax = draw_sweep([SweepLine("", sample)], "lr", "accuracy").axes[0]
    assert ax.lines[0].get_linestyle() == "None"
    assert legend_texts(ax) == ["one trial"]
    ax = draw_sweep([SweepLine("", sample[:5])], "lr", "accuracy").axes[0]
    assert ax.lines[0].get_linestyle() == "-"


def test_points_beside_the_first_and_last_value_are_inside_a_narrow_axis() -> None:
    lines = [line(name, at=(0.001, 0.01, 0.1)) for name in "abcd"]
    with use_paper(replace(paper_for_venue("icml"), width=1.6)):
        ax = draw_sweep(lines, "lr", "accuracy", lower=False).axes[0]
    low, high = ax.get_xlim()
    curves = [drawn for drawn in ax.lines if str(drawn.get_label()).startswith("_trial")]
    assert len(curves) == 4
    assert all(low < x < high for curve in curves for x in xs(curve))
