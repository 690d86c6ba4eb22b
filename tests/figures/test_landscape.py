"""Slices of the loss."""

import math

import numpy as np
import pytest
from figure_checks import xs, ys

from nnlab.figures.kinds.landscape import LandscapeSlices, draw_landscape

STEPS = (-1.0, 0.0, 1.0)
LINES = ((4.0, 1.0, 2.0), (3.0, 1.0, 5.0))
SURFACE = ((8.0, 4.0, 8.0), (3.0, 1.0, 5.0), (8.0, 2.0, 9.0))


def test_lines_are_drawn_as_given_and_all_panels_share_one_scale() -> None:
    other = LandscapeSlices("other", STEPS, ((90.0, 0.5, 80.0),), SURFACE)
    figure = draw_landscape([LandscapeSlices("run 1", STEPS, LINES, SURFACE), other])
    lines, below = figure.axes[0], figure.axes[2]
    assert [ys(line) for line in lines.lines] == list(LINES)
    assert xs(lines.lines[0]) == STEPS
    assert lines.get_title() == "run 1"
    assert lines.get_ylim() == below.get_ylim() == pytest.approx((0.4, 112.5))


def test_the_plane_is_drawn_where_it_was_measured() -> None:
    figure = draw_landscape([LandscapeSlices("run 1", STEPS, LINES, SURFACE)])
    plane = figure.axes[1]
    assert plane.get_xlim() == plane.get_ylim() == (-1.0, 1.0)
    assert [xs(line) for line in plane.lines] == [(0.0,)]
    (contours,) = plane.collections
    assert np.allclose(contours.get_clim(), (1.0, 9.0))


def test_a_loss_that_is_no_number_does_not_spoil_the_scale() -> None:
    surface = ((math.inf, 4.0, 8.0), (3.0, 1.0, math.nan), (8.0, 2.0, 9.0))
    figure = draw_landscape([LandscapeSlices("run 1", STEPS, ((math.nan, 1.0, 2.0),), surface)])
    assert figure.axes[0].get_ylim() == pytest.approx((0.8, 11.25))
