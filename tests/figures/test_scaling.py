"""Scaling figures: logarithmic axes, means, fits and their bands."""

import math

import pytest
from figure_checks import drawn_texts, xs, ys
from matplotlib.figure import Figure
from tradeoff_figures import scaling

from nnlab.figures.kinds.scaling import ScalingLine, ScalingPoint, draw_scaling


def draw(lines: list[ScalingLine]) -> Figure:
    return draw_scaling(lines, "Train size (examples)", "1 \u2212 validation accuracy")


def test_the_fit_and_the_means_are_drawn_on_logarithmic_axes() -> None:
    lines = scaling(2, 5, 4, "opt ")
    (ax,) = draw(lines).axes[:1]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    curves = [line for line in ax.lines if str(line.get_label()).startswith("_trial")]
    for line, curve in zip(lines, curves, strict=True):
        assert line.fit is not None
        for x, y in zip(xs(curve), ys(curve), strict=True):
            assert y == pytest.approx(line.fit(x))
    drawn = {(xs(line)[0], ys(line)[0]) for line in ax.lines if len(xs(line)) == 1}
    assert drawn == {(p.budget, p.mean) for line in lines for p in line.budgets}
    assert len(ax.collections) == 2  # the bands


def test_the_legend_has_the_exponents_with_their_intervals() -> None:
    (line,) = scaling(1, 5, 4)
    assert line.fit is not None
    assert line.fit.exponent_bounds is not None
    low, high = line.fit.exponent_bounds
    expected = f"power law, exponent {line.fit.exponent:.2f} ({low:.2f} to {high:.2f})"
    assert expected in [text for text, _, _ in drawn_texts(draw([line]))]


def test_few_budgets_have_themselves_as_ticks() -> None:
    (ax,) = draw(scaling(1, 5, 4)).axes[:1]
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == ["50", "100", "200", "400", "800"]


def test_points_without_errors_or_results_are_marked_at_the_edges() -> None:
    points = (
        ScalingPoint(50.0, (0.2, 0.3), 0.25, None),
        ScalingPoint(100.0, (0.0, 0.0), 0.0, None),
        ScalingPoint(200.0, (), math.nan, None, 2),
    )
    (ax,) = draw([ScalingLine("", points, None)]).axes[:1]
    low, high = ax.get_ylim()
    marks = {line.get_marker(): (xs(line)[0], ys(line)[0]) for line in ax.lines}
    assert marks["v"] == (100.0, low)
    assert marks["x"] == (200.0, high)
