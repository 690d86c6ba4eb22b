"""The figure of a loss with a plateau."""

import pytest
from figure_checks import xs, ys

from nnlab.figures.kinds.decay_points import draw_decay_points

LOSSES = (1.0, 0.5, 0.3, 0.29, 0.31)


@pytest.mark.parametrize("stalled", [3, None])
def test_the_loss_is_drawn_and_the_epoch_marked_where_there_is_one(stalled: int | None) -> None:
    (ax,) = draw_decay_points(LOSSES, stalled).axes
    assert xs(ax.lines[0]) == (1, 2, 3, 4, 5)
    assert ys(ax.lines[0]) == LOSSES
    marks = [xs(line) for line in ax.lines[1:]]
    assert marks == ([] if stalled is None else [(3.0, 3.0)])
    printed = [text.get_text().strip() for text in ax.texts]
    assert printed == ([] if stalled is None else ["plateau from epoch 3"])
