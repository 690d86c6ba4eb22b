"""Labels at line ends: in order, without overlap, inside the axes."""

import itertools

from figure_checks import drawn_texts
from hypothesis import given
from hypothesis import strategies as st
from synthetic_trials import many

from nnlab.figures.draw.line_end_labels import spread_positions
from nnlab.figures.draw.paper import Paper, use_paper
from nnlab.figures.kinds.curves import draw_curves

PLACES = st.lists(st.floats(0, 100), max_size=20).map(sorted)


@given(PLACES, st.floats(0.1, 30))
def test_names_are_apart_and_inside(targets: list[float], least: float) -> None:
    placed = spread_positions(targets, least, 0.0, 100.0)
    room = min(least, 100.0 / max(len(targets) - 1, 1))
    assert all(b - a >= room - 1e-6 for a, b in itertools.pairwise(placed))
    assert all(-1e-6 <= place <= 100 + 1e-6 for place in placed)


@given(PLACES)
def test_names_that_have_room_stay_where_they_are(targets: list[float]) -> None:
    spread = [10.0 * i for i, _ in enumerate(targets)][:10]
    assert spread_positions(spread, 5.0, 0.0, 100.0) == spread


def test_every_trial_is_named_beside_its_line() -> None:
    with use_paper(Paper(legend="direct")):
        figure = draw_curves(many(5, 1))
    names = {text: box for text, _, box in drawn_texts(figure) if text.startswith("lr=")}
    assert set(names) == {f"lr={i}" for i in range(5)}
    right = figure.axes[1].get_window_extent().x1
    assert all(box.x0 >= right for box in names.values())
