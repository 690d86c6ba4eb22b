"""Insets: they magnify a part of the x axis, and cover no curve."""

import math

import numpy as np
import pytest
from figure_checks import assert_plain_text
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from synthetic_trials import many

from nnlab.figures.draw.inset import add_insets
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.paper import use_paper
from nnlab.figures.draw.save import FORMATS, render_figure
from nnlab.figures.draw.venues import paper_for_venue
from nnlab.figures.kinds.curves import draw_curves


def with_inset(low: float = 20, high: float = 25) -> Figure:
    figure = draw_curves(many(3, 3), metrics=["loss", "accuracy"])
    assert add_insets(figure, low, high) == 2
    return figure


def inset_of(ax: Axes) -> Axes:
    (inset,) = (child for child in ax.child_axes if isinstance(child, Axes))
    return inset


@pytest.mark.parametrize("venue", ["neurips", "icml", "beamer", "poster"])
def test_an_inset_shows_the_range_and_covers_no_curve(venue: str) -> None:
    with use_paper(paper_for_venue(venue)):
        figure = with_inset()
    for ax in figure.axes:
        inset = inset_of(ax)
        assert inset.get_xlim() == (20, 25)
        box = inset.get_window_extent()
        for line in ax.lines:
            if line.get_transform() == ax.transData:
                for x, y in ax.transData.transform(np.column_stack(line.get_data())):
                    assert not (math.isfinite(y) and box.contains(x, y))
    assert_plain_text(figure)


def test_the_curves_of_the_panel_are_drawn_again() -> None:
    figure = with_inset()
    for ax in figure.axes:
        inset = inset_of(ax)
        data = [line for line in ax.lines if line.get_transform() == ax.transData]
        assert len(inset.lines) == len(data)
        for copy, line in zip(inset.lines, data, strict=True):
            np.testing.assert_array_equal(copy.get_xydata(), line.get_xydata())
            assert copy.get_color() == line.get_color()
            assert copy.get_transform() == inset.transData
        low, high = inset.get_ylim()
        panel_low, panel_high = ax.get_ylim()
        assert high - low < panel_high - panel_low
        means = [line for line in data if line.get_linestyle() == "-" and line.get_marker()]
        inside = [
            y
            for line in means
            if str(line.get_label()).startswith("_trial")
            for x, y in np.asarray(line.get_xydata())
            if 20 <= x <= 25
        ]
        assert inside
        assert low <= min(inside) <= max(inside) <= high


def test_a_full_panel_is_extended_upwards() -> None:
    figure = new_figure(2.2)
    ax = figure.subplots()
    ax.plot(range(60), [float(i % 2) for i in range(60)])
    freeze_layout(figure)
    low, high = ax.get_ylim()
    assert add_insets(figure, 3, 6) == 1
    assert ax.get_ylim()[0] == low
    assert ax.get_ylim()[1] > 1.5 * high
    assert max(ax.get_yticks()) <= high
    inset = inset_of(ax).get_window_extent()
    assert inset.y0 > ax.transData.transform((0, 1.0))[1]


def test_panels_without_curves_there_have_no_inset() -> None:
    figure = draw_curves(many(2, 2), metrics=["loss"])
    assert add_insets(figure, 1000, 2000) == 0
    assert not figure.axes[0].child_axes


def test_adding_twice_adds_one() -> None:
    figure = with_inset()
    assert add_insets(figure, 20, 25) == 2
    assert all(len(ax.child_axes) == 1 for ax in figure.axes)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_reproducible(kind: str) -> None:
    assert render_figure(with_inset(), kind, {}) == render_figure(with_inset(), kind, {})
