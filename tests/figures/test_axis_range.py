"""Axis ranges: everything is shown, unless diverged runs would hide the rest."""

import math

import pytest
from figure_checks import ys

from nnlab.figures.draw.axis_range import AxisRange, robust_axis_range, worst_after_transient
from nnlab.figures.kinds.heatmap import HeatmapData, draw_heatmap
from nnlab.figures.kinds.sweep import SweepLine, SweepPoint, draw_sweep


def test_values_of_one_size_are_all_shown() -> None:
    assert robust_axis_range([0.1, 2.0], [2.0, 2.0], log=True) == AxisRange(0.1, 2.0, log=False)
    assert robust_axis_range([0.1, 20.0], [20.0], log=True) == AxisRange(0.1, 20.0, log=True)
    assert robust_axis_range([0.1, 20.0], [20.0], log=False) == AxisRange(0.1, 20.0, log=False)
    assert robust_axis_range([0.1, 2.0], [2.0], log=True, always=True).log
    assert not robust_axis_range([0.0, 2000.0], [2000.0], log=True, always=True).log


def test_what_exploded_ends_at_the_worst_value_near_the_typical_start() -> None:
    values, starts = [0.5, 2.0, 3.0, 1e9], [2.0, 3.0, 1e9]
    view = robust_axis_range(values, starts, log=True, settled=[2.0, 0.5, 1e9])
    assert view == AxisRange(0.5, 3.0, log=False, cut=True)
    assert robust_axis_range(values, [2.0], log=True) == AxisRange(0.5, 20.0, log=True, cut=True)


def test_on_a_linear_axis_the_settled_curves_decide() -> None:
    values = [-100.0, -30.0, -1.0, 0.2, 0.5]
    view = robust_axis_range(values, [-100.0], log=False, lower=False, settled=[-1.0])
    assert view == AxisRange(-1.0, 0.5, log=False, cut=True)
    near = robust_axis_range([-3.0, -1.0, 0.5], [-3.0], log=False, lower=False, settled=[-1.0])
    assert (near.low, near.high, near.cut) == (-3.0, 0.5, False)


def test_a_better_value_is_never_cut() -> None:
    assert robust_axis_range([1e-12, 1.0, 1.1], [1.0, 1.1], log=True).low == 1e-12
    assert (
        robust_axis_range([-1.0, 0.0, 500.0], [0.0], log=False, lower=False, settled=[-1.0]).high
        == 500.0
    )


def test_the_settled_part_leaves_out_the_first_quarter_and_what_is_not_finite() -> None:
    curve = [9.0, 3.0, math.nan, 2.0]
    assert worst_after_transient(curve) == 3.0
    assert worst_after_transient(curve, lower=False) == 2.0
    assert worst_after_transient([math.nan]) is None


@pytest.mark.parametrize(
    ("view", "limits"),
    [
        (AxisRange(0.0, 1.0, log=False), (-0.05, 1.05)),
        (AxisRange(1.0, 100.0, log=True), (100**-0.05, 100**1.05)),
        (AxisRange(2.0, 2.0, log=False), (1.9, 2.1)),
    ],
)
def test_margins(view: AxisRange, limits: tuple[float, float]) -> None:
    assert view.with_margin() == pytest.approx(limits)


def dots(*means: float) -> SweepLine:
    return SweepLine(
        "", tuple(SweepPoint(10.0**k, mean, None, (mean,)) for k, mean in enumerate(means))
    )


def test_a_point_beyond_a_sweeps_axis_is_marked_at_its_edge() -> None:
    (ax,) = draw_sweep([dots(0.5, 0.7, 1.2, 4e35)], "lr", "loss", log_y=True).axes
    assert ax.get_ylim()[1] < 2
    (edge,) = [line for line in ax.lines if line.get_marker() == "^"]
    assert 0.9 < ys(edge)[0] < 1  # as a share of the height of the panel
    assert [text.get_text() for text in ax.texts] == ["4·10³⁵"]
    (means,) = [line for line in ax.lines if len(ys(line)) == 4]
    assert math.isnan(ys(means)[-1])


def test_one_cell_that_diverged_leaves_the_others_their_colours() -> None:
    values = ((0.5, 0.7), (1.2, 4e35))
    written = (("a", "b"), ("c", "d"))
    of = HeatmapData(("1", "2"), ("1", "2"), values, written)
    figure = draw_heatmap(of, y="y", x="x", value="loss", lower=True, log=True)
    colors = [patch.get_facecolor() for patch in figure.axes[0].patches]
    assert len(set(colors)) == 3  # the two worst share the end of the scale
    assert colors[2] == colors[3]
