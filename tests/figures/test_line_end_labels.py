"""Labels at line ends: in order, without overlap, inside the axes."""

import itertools
from dataclasses import replace

import pytest
from figure_checks import assert_readable, drawn_texts
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from synthetic_trials import LONG, history, many

from nnlab.figures.draw.edge_labels import covered_lines
from nnlab.figures.draw.line_end_labels import spread_positions
from nnlab.figures.draw.paper import Paper, use_paper
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.venues import paper_for_venue
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


CASES = {
    "five": many(5, 5),
    "twelve": many(12, 1),
    "sixty": many(60, 1),
    "close": [Series(f"lr={i}", (history(i),)) for i in range(8)],
    "long": many(4, 3, LONG),
    "diverged": [
        *many(3, 2),
        Series("lr=10", (history(9, diverged_at=9),)),
        Series("lr=100", (history(8, diverged_at=1),)),
    ],
}


def covered(figure: Figure, box: Bbox) -> int:
    """The number of lines, bands and leaders that a box covers, in all panels."""
    lines = sum(covered_lines(ax, box) for ax in figure.axes)
    bands = sum(
        path.transformed(band.get_transform()).intersects_bbox(box, filled=True)
        for ax in figure.axes
        for band in ax.collections
        for path in band.get_paths()
        if ax.get_window_extent().overlaps(box)
    )
    leaders = sum(
        patch.get_path().transformed(patch.get_transform()).intersects_bbox(box, filled=False)
        for ax in figure.axes
        for text in ax.texts
        if (patch := getattr(text, "arrow_patch", None)) is not None
    )
    marks = sum(
        line.get_window_extent().overlaps(box)
        for ax in figure.axes
        for line in ax.lines
        if not line.get_clip_on() and line.get_visible()
    )
    return lines + bands + leaders + marks


@pytest.mark.parametrize("venue", ["neurips", "icml", "poster"])
@pytest.mark.parametrize("name", CASES)
def test_labels_cover_no_curve_band_mark_or_other_label(name: str, venue: str) -> None:
    with use_paper(replace(paper_for_venue(venue), legend="direct")):
        figure = draw_curves(CASES[name], loss="cross_entropy")
    assert_readable(figure)
    labels = {entry.label for entry in CASES[name][:12]}
    boxes = [
        (text, box)
        for text, _, box in drawn_texts(figure)
        if text.removesuffix(": no curve") in labels or "\N{HORIZONTAL ELLIPSIS}" in text
    ]
    assert len(boxes) == len(labels)
    for text, box in boxes:
        assert covered(figure, box) == 0, text


def test_a_trial_without_a_line_is_named() -> None:
    with use_paper(Paper(legend="direct")):
        figure = draw_curves(CASES["diverged"])
    assert "lr=100: no curve" in {text for text, _, _ in drawn_texts(figure)}
