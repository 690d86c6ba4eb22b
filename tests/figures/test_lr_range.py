"""The figure of a range test, with its suggestion."""

import pytest
from figure_checks import xs, ys

from nnlab.figures.kinds.lr_range import draw_lr_range

LRS = (1e-4, 1e-3, 1e-2, 1e-1)


def test_every_test_is_drawn_raw_and_smoothed_with_the_suggestion_across() -> None:
    tests = [(LRS, (2.0, 1.5, 1.0, 3.0), (2.0, 1.8, 1.4, 2.0)), (LRS, (2.1,) * 4, (2.1,) * 4)]
    (ax,) = draw_lr_range(tests, 0.005).axes
    raw, smooth, *_ = ax.lines
    for line, values in ((raw, tests[0][1]), (smooth, tests[0][2])):
        assert xs(line) == LRS
        assert ys(line) == values
    assert len(ax.lines) == 2 * len(tests) + 1
    assert xs(ax.lines[-1]) == (0.005, 0.005)
    (text,) = ax.texts
    assert text.get_text().strip() == "suggested lr 0.005"
    assert ax.get_xscale() == "log"


def test_what_diverged_leaves_the_view_at_the_top() -> None:
    (ax,) = draw_lr_range([(LRS, (2.0, 1.0, 1.0, 1e9), (2.0, 1.0, 1.0, 1e9))], 0.01).axes
    assert ax.get_ylim()[1] == pytest.approx(4, rel=0.2)  # twice the loss at the lowest rate
