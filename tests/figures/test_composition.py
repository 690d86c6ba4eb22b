"""Composed figures: aligned panels with letters, a shared legend, shared axes and colours."""

import io
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from figure_checks import assert_plain_text, assert_readable, drawn_texts
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from synthetic_trials import history

from nnlab.figures.draw.composition import ComposedFigure, compose_figures
from nnlab.figures.draw.paper import Paper, use_paper
from nnlab.figures.draw.save import FORMATS, render_figure
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.venues import paper_for_venue
from nnlab.figures.kinds.curves import draw_curves
from nnlab.figures.kinds.ranking import RankedRow, draw_ranking

ROWS = [
    RankedRow("adam", (0.9, 0.92, 0.94), 0.92, 0.02, (0.87, 0.97), 1),
    RankedRow("sgd", (0.5, 0.52, 0.54), 0.52, 0.02, (0.47, 0.57), 2),
]


def trials(*names: str, level: float = 1.0) -> list[Series]:
    """A trial per name with three seeds; its losses are proportional to `level`."""
    return [
        Series(name, tuple(history(seed + 10 * rank, 8, scale=level) for seed in range(3)))
        for rank, name in enumerate(names)
    ]


def curves(*names: str, level: float = 1.0) -> Callable[[], Figure]:
    return partial(draw_curves, trials(*names, level=level), metrics=["loss"])


def ranking() -> Figure:
    return draw_ranking(ROWS, "Accuracy", lower=False)


def compose(draws: Sequence[Callable[[], Figure]], columns: int) -> ComposedFigure:
    figure = compose_figures(draws, columns)
    assert isinstance(figure, ComposedFigure)
    return figure


def legend_texts(figure: Figure) -> list[str]:
    legends = [artist for artist in figure.findobj(Legend) if isinstance(artist, Legend)]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def box(figure: Figure, index: int) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of axes in inches."""
    figure.draw_without_rendering()
    bounds = figure.axes[index].get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    left, bottom, width, height = bounds.bounds
    return left, bottom, width, height


def color_of(figure: Figure, label: str) -> object:
    legends = [artist for artist in figure.findobj(Legend) if isinstance(artist, Legend)]
    for legend in legends:
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            if text.get_text() == label:
                return handle.get_color()  # type: ignore[union-attr]
    raise AssertionError(label)


@pytest.mark.parametrize("venue", [None, "icml", "beamer", "poster"])
def test_panels_have_letters_and_the_width_of_the_venue(venue: str | None) -> None:
    paper = Paper() if venue is None else paper_for_venue(venue)
    with use_paper(paper):
        figure = compose([curves("adam", "sgd"), ranking], columns=1)
    assert figure.get_figwidth() == paper.width
    texts = [text for text, _, _ in drawn_texts(figure)]
    assert texts.index("(a)") >= 0
    assert texts.index("(b)") >= 0
    assert_readable(figure)
    assert_plain_text(figure)


def test_axes_of_a_row_are_aligned() -> None:
    figure = compose([curves("adam", "sgd"), ranking], columns=2)
    (_, bottom, _, height), (_, other_bottom, _, other_height) = box(figure, 0), box(figure, 1)
    assert bottom == pytest.approx(other_bottom, abs=1e-6)
    assert height == pytest.approx(other_height, abs=1e-6)


def test_common_legend_entries_are_drawn_once_and_the_others_at_their_panel() -> None:
    figure = compose([curves("adam", "sgd"), curves("adam", "sgd"), ranking], columns=3)
    texts = legend_texts(figure)
    for name in ("adam", "sgd", "training", "validation"):
        assert texts.count(name) == 1
    shared = {text.get_text() for legend in figure.legends for text in legend.get_texts()}
    assert {"adam", "sgd", "training", "validation"} <= shared
    assert "seed" not in shared
    ranked = figure.panels[2][0]
    assert "seed" in legend_texts(ranked)


def test_a_trial_has_one_colour_in_all_panels() -> None:
    figure = compose([curves("adam", "sgd"), curves("rmsprop", "sgd", "adam")], columns=1)
    colors = {name: color_of(figure, name) for name in ("adam", "sgd", "rmsprop")}
    assert len(set(map(str, colors.values()))) == 3
    for panel, _, _ in figure.panels:
        solid = {line.get_color() for line in panel.axes[0].lines if line.get_linestyle() == "-"}
        assert {colors["adam"], colors["sgd"]} <= solid
    alone = draw_curves(trials("rmsprop", "sgd", "adam"), metrics=["loss"])
    assert color_of(alone, "rmsprop") != colors["rmsprop"]


def test_panels_with_one_quantity_share_the_value_axis() -> None:
    figure = compose([curves("adam"), curves("adam", level=1.3), ranking], columns=3)
    first, second, third = figure.axes[:3]
    assert first.get_ylim() == second.get_ylim()
    assert first.get_ylim()[1] >= 1.3
    assert (bool(first.get_ylabel()), second.get_ylabel()) == (True, "")
    assert not any(label.get_visible() and label.get_text() for label in second.get_yticklabels())
    assert box(figure, 0)[2] == pytest.approx(box(figure, 1)[2], abs=1e-6)
    assert third.get_ylim() != first.get_ylim()


def test_panels_of_a_column_share_the_horizontal_axis() -> None:
    figure = compose([curves("adam"), curves("adam", level=50.0)], columns=1)
    upper, lower = figure.axes
    assert (upper.get_xlabel(), lower.get_xlabel()) == ("", "Epoch")
    assert upper.get_xlim() == lower.get_xlim()
    assert upper.get_ylim() != lower.get_ylim()


@pytest.mark.parametrize("kind", FORMATS)
def test_drawn_twice_the_files_are_identical(kind: str) -> None:
    drawn = [
        render_figure(compose([curves("adam", "sgd"), ranking], columns=2), kind, {})
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1]


def test_a_panel_keeps_its_place_in_every_resolution() -> None:
    figure = compose([curves("adam", "sgd"), ranking], columns=2)
    before = box(figure, 1)
    figure.savefig(io.BytesIO(), format="png", dpi=37)
    assert box(figure, 1) == pytest.approx(before)


def test_every_format_contains_the_text_of_every_panel() -> None:
    figure = compose([curves("adam", "sgd"), ranking], columns=2)
    text = render_figure(figure, "pgf", {}).decode()
    for word in ("(a)", "(b)", "Epoch", "Accuracy"):
        assert word in text
