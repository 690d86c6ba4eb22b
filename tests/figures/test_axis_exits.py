"""Curves that leave the axis: where, with which word, and that the words cover nothing."""

import itertools
import math

import numpy as np
import pytest
from figure_checks import assert_plain_text, assert_readable, drawn_texts
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from synthetic_trials import history, many, overfits

from nnlab.figures.draw.axis_exits import AxisExit, axis_exits, find_exit
from nnlab.figures.draw.edge_labels import EdgeLabel, covered_lines, label_top
from nnlab.figures.draw.panel_curves import collect_panel
from nnlab.figures.draw.paper import Paper, use_paper
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.venues import paper_for_venue
from nnlab.figures.kinds.curves import draw_curves
from nnlab.figures.kinds.gap import draw_gap
from nnlab.figures.trial_notes import divergence_notes, onset_notes
from nnlab.records import Curve, History
from nnlab.stats.curve_band import BandKind

EPOCHS = tuple(range(1, 11))
CALM = [2.0 / epoch for epoch in EPOCHS]


def trial(label: str, *seeds: list[float], metric: str = "val/loss") -> Series:
    curves = [Curve(metric, EPOCHS[: len(values)], tuple(values)) for values in seeds]
    return Series(label, tuple(History({metric: curve}) for curve in curves))


WILD = trial("wild", [2.0, 1.0, *(10.0**k for k in range(3, 11))])
STARTS_FAR = trial("far", [5e5, 3e5, *CALM[2:]])
ALL_DIVERGED = trial("diverged", [3.0, 1e7, math.nan], [3.0, 1e8, math.inf])
HALF_DIVERGED = trial("half", [2.0, 1e9, math.nan], [2.0, 1.0, 0.5])
CALM_TRIALS = [trial("a", CALM), trial("b", [1.1 * value for value in CALM]), trial("c", CALM)]


def exits(series: list[Series], named: int = 12) -> list[AxisExit]:
    return axis_exits(collect_panel(series, ["val/loss"], BandKind.INTERVAL), series, named)


def test_the_word_says_how_far_the_curve_goes_or_that_it_diverged() -> None:
    series = [*CALM_TRIALS, WILD, STARTS_FAR, ALL_DIVERGED, HALF_DIVERGED]
    assert [(series[e.rank or 0].label, e.text, e.upward) for e in exits(series)] == [
        ("wild", "to 10¹⁰", True),
        ("far", "from 5·10⁵", True),
        ("diverged", "diverged", True),
        ("half", "1 of 2 diverged", True),
    ]
    assert exits(CALM_TRIALS) == []


def test_the_arrow_is_where_the_line_crosses_the_limit() -> None:
    line = [(1.0, 0.0), (2.0, 10.0), (3.0, 30.0)]
    end = find_exit(line, 0.0, 20.0, log=False)
    assert end is not None
    assert (end.x, end.furthest, end.upward) == (2.5, 30.0, True)
    log_end = find_exit([(1.0, 1.0), (2.0, 1e4)], 0.1, 10.0, log=True)
    assert log_end is not None
    assert log_end.x == pytest.approx(1.25)
    down = find_exit([(1.0, 0.5), (2.0, -40.0), (3.0, 0.5)], 0.0, 1.0, log=False)
    assert down is not None
    assert (down.upward, down.furthest, down.returns) == (False, -40.0, False)


def test_grey_trials_share_one_word() -> None:
    series = [*CALM_TRIALS, WILD, STARTS_FAR]
    (end,) = exits(series, named=3)
    assert (end.rank, end.text) == (None, "2 others to 10¹⁰")
    (end,) = exits([*CALM_TRIALS, ALL_DIVERGED], named=3)
    assert end.text == "1 other diverged"


def arrows(ax: Axes) -> list[Annotation]:
    return [text for text in ax.texts if isinstance(text, Annotation) and text.arrow_patch]


def test_arrow_and_word_have_the_colour_of_the_trial() -> None:
    (ax,) = (figure := draw_curves([*CALM_TRIALS, WILD])).axes
    (arrow,) = arrows(ax)
    (word,) = [text for text in ax.texts if text.get_text() == "to 10¹⁰"]
    assert arrow.arrow_patch is not None
    assert word.get_color() == "#CC79A7"  # of the fourth trial
    assert_plain_text(figure)


def test_a_score_leaves_at_the_bottom_and_the_word_covers_no_line() -> None:
    scores = [[1 - 1 / epoch for epoch in EPOCHS]] * 3
    series = [trial(str(i), values, metric="val/r2") for i, values in enumerate(scores)]
    series.append(trial("bad", [-1e6, *scores[0][1:]], metric="val/r2"))
    figure = draw_curves(series, metrics=["val/r2"])
    (ax,) = figure.axes
    boxes = {text: box for text, _, box in drawn_texts(figure)}
    word = boxes["from \N{MINUS SIGN}10⁶"]
    assert ax.get_window_extent().contains(word.x0, word.y0)
    assert covered_lines(ax, word) == 0


@pytest.mark.parametrize("venue", ["neurips", "icml", "poster", "beamer", "ieee"])
def test_words_and_onsets_overlap_nothing(venue: str) -> None:
    wild = [trial(str(k), [2.0, 1.0, *(10.0 ** (j + k) for j in range(3, 11))]) for k in range(6)]
    late = [Series("o", (history(1, 10),), (overfits(k),)) for k in (2, 3, 4)]
    with use_paper(paper_for_venue(venue)):
        assert_readable(draw_curves([*CALM_TRIALS, *wild]))
        assert_readable(draw_curves([*late, ALL_DIVERGED, HALF_DIVERGED]))
        assert_readable(draw_gap([*late[:2], ALL_DIVERGED, WILD]))


def test_labels_above_a_panel_are_in_rows_inside_it() -> None:
    figure = Figure(figsize=(3, 3))
    ax = figure.subplots()
    ax.set_xlim(0, 10)
    ax.set_xlabel("Epoch")
    labels = [EdgeLabel(x, f"a text {x}", "#000000", arrow=True) for x in (0, 0.5, 1, 1.5, 9.9)]
    height = label_top(figure, ax, labels)
    boxes = [box for text, _, box in drawn_texts(figure) if text.startswith("a text")]
    panel, pixel = ax.get_window_extent(), figure.dpi / 72
    assert len(boxes) == 5
    assert all(box.x0 >= panel.x0 - 1 and box.x1 <= panel.x1 + 1 for box in boxes)
    assert all(panel.y1 <= box.y0 and box.y1 <= panel.y1 + height * pixel for box in boxes)
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    tips = sorted(float(arrow.xy[0]) for arrow in arrows(ax))
    assert np.diff(tips).min() * panel.width > 4


def test_the_limits_of_the_author_move_the_exits() -> None:
    panel = collect_panel([CALM_TRIALS[0]], ["val/loss"], BandKind.INTERVAL)
    (end,) = axis_exits(panel, [CALM_TRIALS[0]], 12, (0.5, 5.0))
    assert end.x == pytest.approx(4.0)
    assert (end.text, end.upward) == ("to 0.2", False)


def test_notes_name_the_trials_with_seeds_that_diverged_or_overfit() -> None:
    overfitting = Series("o", tuple(history(seed) for seed in range(3)), (overfits(8),))
    assert list(divergence_notes([WILD, ALL_DIVERGED, HALF_DIVERGED])) == [
        "diverged: 2 of 2 seeds diverged",
        "half: 1 of 2 seeds diverged",
    ]
    assert list(onset_notes([overfitting, WILD])) == ["o: 1 of 3 seeds overfits (from epoch 8)"]


def test_with_the_dark_style_rings_have_the_colour_of_the_background() -> None:
    with use_paper(Paper(style="dark")):
        (ax, _) = draw_curves(many(2, 1)).axes
    rings = [
        line
        for line in ax.lines
        if line.get_marker() == "o" and line.get_markerfacecolor() == "#16181D"
    ]
    assert len(rings) == 2
