"""Figures of remedies, profiles, effects, confusion matrices and reliability: their numbers."""

from typing import Any

import numpy as np
import pytest
from figure_checks import drawn_texts, xs, ys
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nnlab.figures.draw.paper import PALETTES, Paper, use_paper
from nnlab.figures.kinds.calibration import ReliabilityDiagram, draw_calibration
from nnlab.figures.kinds.confusion import ConfusionMatrix, draw_confusion
from nnlab.figures.kinds.effects import EffectBar, draw_effects
from nnlab.figures.kinds.examples import Mistake, draw_mistakes
from nnlab.figures.kinds.profile import draw_profile
from nnlab.figures.kinds.remedy import RemedyEffect, draw_remedies
from nnlab.stats.across_tasks import compare_methods
from nnlab.stats.class_predictions import reliability_bins

REMEDIES = (
    RemedyEffect("dropout", 0.02, 0.01, 0.03, True, "0/5 seeds", 0.03),
    RemedyEffect("batch norm", 0.0, -0.01, 0.01, False, "5/5 seeds", 0.6),
)
COUNTS = ((8, 2, 0), (0, 5, 1), (0, 0, 0))


def texts(figure: Figure) -> list[str]:
    return [text for text, _, _ in drawn_texts(figure)]


def test_a_remedy_that_helped_is_filled_and_bold() -> None:
    with use_paper(Paper(palette="grey")):
        figure = draw_remedies(REMEDIES, "Accuracy", control="5/5 seeds", finding="overfits")
    ax = figure.axes[0]
    weights = {label.get_text(): label.get_fontweight() for label in ax.get_yticklabels()}
    assert weights == {"dropout": "bold", "batch norm": "normal", "control": "normal"}
    fills = [to_rgb(line.get_markerfacecolor()) for line in ax.lines if line.get_marker() == "o"]
    assert fills == [to_rgb(PALETTES["grey"][0]), (1.0, 1.0, 1.0)]


def test_the_seeds_that_still_overfit_are_counted_per_remedy() -> None:
    figure = draw_remedies(
        REMEDIES,
        "Accuracy",
        control="5/5 seeds",
        finding="overfits",
        test="one-sided paired sign-flip test, Holm over 2 remedies",
    )
    drawn = texts(figure)
    assert {"Remedy", "effect ± 95 % CI", "p", "overfits"} <= set(drawn)
    assert [text for text in drawn if "seeds" in text] == ["0/5 seeds", "5/5 seeds", "5/5 seeds"]
    assert "0.02 ± 0.01" in drawn
    assert "one-sided paired sign-flip test, Holm over 2 remedies" in drawn


def test_a_remedy_far_below_the_others_is_an_arrow() -> None:
    bad = RemedyEffect("ten times the lr", -0.9, -0.91, -0.89, False, "5/5 seeds")
    ax = draw_remedies([*REMEDIES, bad], "Accuracy").axes[0]
    assert ax.get_xlim()[0] > -0.1
    assert [ys(line) for line in ax.lines if line.get_marker() == "<"] == [(2.0,)]


def test_the_steps_of_a_profile_are_exact() -> None:
    draw = np.random.default_rng(3)
    values = {
        name: {task: draw.normal(shift, 1, 4).tolist() for task in "xy"}
        for name, shift in (("a", 0.5), ("b", 0.0))
    }
    methods = compare_methods(values, higher=True)
    figure = draw_profile(methods, 2, metric="Validation accuracy")
    for method, line in zip(methods, figure.axes[0].lines, strict=False):
        scores = np.array([score for of in method.scores.values() for score in of])
        x, y = np.array(xs(line)), np.array(ys(line))
        assert line.get_drawstyle() == "steps-pre"
        for at in np.linspace(0, 1, 101):
            # With steps before the points, the height at x is that of the next point.
            assert y[np.searchsorted(x, at)] == pytest.approx(np.mean(scores >= at))


def test_the_axes_of_a_profile_say_what_they_are() -> None:
    methods = compare_methods({"a": {"x": [1.0, 2.0]}, "b": {"x": [2.0, 3.0]}}, higher=False)
    figure = draw_profile(methods, 1, metric="Validation loss", lower=True)
    ax = figure.axes[0]
    assert ax.get_ylabel().replace("\n", " ") == "Share of runs with a score of at least x"
    label = ax.get_xlabel().replace("\n", " ")
    assert label == (
        "Score x: validation loss, 0 is the worst (highest) and 1 the best (lowest) of a data set;"
        " 1 data set"
    )
    assert "pointwise 95 % bootstrap CI, n = 2 runs each" in texts(figure)


def test_effects_are_written_with_their_intervals() -> None:
    bars = [EffectBar("lr", 0.6, 0.5, 0.7, False), EffectBar("lr × opt", 0.4, 0.3, 0.5, True)]  # noqa: RUF001
    figure = draw_effects(bars, "Validation accuracy", "analysis of variance")
    drawn = texts(figure)
    assert {"60 (50 to 70)", "40 (30 to 50)", "% (90 % CI)", "analysis of variance"} <= set(drawn)
    widths = [p.get_width() for p in figure.axes[0].patches if isinstance(p, Rectangle)]
    assert widths == [0.6, 0.4]


def test_percentages_of_a_true_class_sum_to_100() -> None:
    matrix = ConfusionMatrix(("a", "b", "c"), COUNTS)
    figure = draw_confusion(matrix, percent=True)
    written = [text for text in texts(figure) if "." in text]
    assert written == ["80.0", "20.0", "83.3", "16.7"]
    assert [sum(row) for row in matrix.shares] == pytest.approx([1.0, 1.0, 0.0])
    assert len(figure.axes) == 1  # numbers need no colour bar
    assert matrix.accuracy == pytest.approx(13 / 16)


def test_counts_have_totals_and_a_colour_bar() -> None:
    figure = draw_confusion(ConfusionMatrix(("a", "b", "c"), COUNTS), "heading")
    drawn = texts(figure)
    assert [text for text in drawn if text.isdigit()][:4] == ["8", "2", "5", "1"]
    assert {"n", "10", "6", "heading", "Share of the true class (%)"} <= set(drawn)
    assert len(figure.axes) == 2


@pytest.mark.parametrize("style", ["open", "dark"])
@pytest.mark.parametrize("palette", PALETTES)
def test_numbers_in_cells_have_contrast(style: str, palette: str) -> None:
    counts = tuple(tuple(int(i == j) * 90 + 10 * i + j + 1 for j in range(5)) for i in range(5))
    with use_paper(Paper(style=style, palette=palette)):
        figure = draw_confusion(ConfusionMatrix(tuple("abcde"), counts), percent=True)
    cells = [p for p in figure.axes[0].patches if isinstance(p, Rectangle)]
    faces = {(p.get_x() + 0.5, p.get_y() + 0.5): luminance(p.get_facecolor()) for p in cells}
    for text in figure.axes[0].texts:
        if text.get_position() in faces:
            two = sorted([faces[text.get_position()], luminance(to_rgb(text.get_color()))])
            assert (two[1] + 0.05) / (two[0] + 0.05) >= 3.4  # WCAG 2: 3 for graphics


def luminance(color: Any) -> float:
    """The relative luminance of WCAG 2."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_classes_without_room_are_not_all_named() -> None:
    size = 100
    matrix = ConfusionMatrix(
        tuple(f"class {i}" for i in range(size)),
        tuple(tuple(int(i == j) for j in range(size)) for i in range(size)),
    )
    ax = draw_confusion(matrix, percent=True).axes[0]
    assert 5 < len(ax.get_yticklabels()) < 50


def test_the_legend_of_a_reliability_diagram_explains_every_mark() -> None:
    draw = np.random.default_rng(0)
    raw = draw.dirichlet(np.ones(3), 100)
    bins = reliability_bins(raw, raw.argmax(axis=1))
    drawn = texts(draw_calibration([ReliabilityDiagram("a", bins, 0.25)]))
    assert "a\nECE 0.250, n = 100" in drawn
    assert {
        "accuracy in a bin, 95 % CI (Wilson)",
        "share of the examples",
        "perfect calibration",
        "ECE: expected calibration error",
    } <= set(drawn)


def test_a_mistake_has_the_probability_of_its_prediction() -> None:
    example = np.zeros((1, 8, 8))
    figure = draw_mistakes([Mistake(example, "8", "a" * 200, 3.0, 0.49)] * 8, signal=False)
    assert figure.axes[0].get_title().endswith("… (49 %)")
    assert "true class → predicted class (its probability); largest losses first" in texts(figure)
    regression = draw_mistakes([Mistake(np.zeros(3), "276", "143.5", 9.0)], signal=False)
    assert regression.axes[0].get_title() == "276\n→ 143.5"
