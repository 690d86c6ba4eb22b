"""Heatmaps: frames, crosses, the range of the colours, and texts that fit into their cells."""

import numpy as np
import pytest
from figure_checks import xs
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.legend import Legend
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

from nnlab.figures.draw.legend import text_renderer
from nnlab.figures.draw.paper import PALETTES, Paper, use_paper
from nnlab.figures.draw.result_colors import contrasting_ink, result_colormap
from nnlab.figures.draw.venues import VENUES, paper_for_venue
from nnlab.figures.kinds.heatmap import HeatmapData, best_cells, draw_heatmap

VALUES = ((0.95, 1.0, 0.9), (0.6, 0.95, 0.5))
TEXTS = tuple(tuple(f"{value:.3f}\n± 0.012" for value in row) for row in VALUES)
LOST = (("", "", ""), ("", "", "3/10"))
DATA = HeatmapData(("Adam", "SGD"), ("0.1", "1", "10"), VALUES, TEXTS, ((0, 1),), LOST)


def heatmap(data: HeatmapData = DATA, *, lower: bool = False, log: bool = False) -> Axes:
    return draw_heatmap(data, y="Optimizer", x="lr", value="Accuracy", lower=lower, log=log).axes[0]


def cell_colors(ax: Axes, columns: int) -> dict[tuple[int, int], tuple[float, ...]]:
    cells = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_fill()]
    return {divmod(index, columns): to_rgba(p.get_facecolor()) for index, p in enumerate(cells)}


def lightness(color: tuple[float, ...]) -> float:
    """L* of CIE 1976 in D65, from 0 to 100."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * float(np.cbrt(luminance)) - 16 if luminance > 0.008856 else 903.3 * luminance


def test_the_best_cell_is_framed() -> None:
    frames = [p for p in heatmap().patches if isinstance(p, Rectangle) and not p.get_fill()]
    assert len(frames) == 2  # dark, with a light core
    for frame in frames:
        centre = (frame.get_x() + frame.get_width() / 2, frame.get_y() + frame.get_height() / 2)
        assert centre == pytest.approx((1, 0))
    assert len({frame.get_edgecolor() for frame in frames}) == 2


def test_a_cell_with_diverged_runs_is_crossed_out_and_has_no_colour() -> None:
    ax = heatmap()
    assert cell_colors(ax, 3)[1, 2] == to_rgba("#FFFFFF")
    assert [xs(line) for line in ax.lines] == [(1.5, 2.5), (1.5, 2.5)]
    texts = [text.get_text() for text in ax.texts]
    assert texts[-3:] == ["0.500", "± 0.012", "3/10 diverged"]


def test_the_legend_explains_frame_and_cross() -> None:
    figure = draw_heatmap(DATA, y="y", x="x", value="value")
    legends = [item for item in figure.findobj(Legend) if isinstance(item, Legend)]
    assert [text.get_text() for text in legends[0].get_texts()] == ["best", "diverged (3/10 runs)"]
    plain = HeatmapData(DATA.rows, DATA.columns, VALUES, TEXTS)
    assert not draw_heatmap(plain, y="y", x="x", value="value").findobj(Legend)


def test_the_colour_scale_leaves_out_diverged_cells() -> None:
    bar = draw_heatmap(DATA, y="y", x="x", value="value").axes[-1]
    assert bar.get_ylim() == pytest.approx((0.6, 1.0))


@pytest.mark.parametrize("lower", [True, False])
def test_an_outlier_does_not_flatten_the_other_colours(lower: bool) -> None:
    good = [0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08]
    numbers = [value if lower else 1 - value for value in [*good, 0.9]]
    values = (tuple(numbers[:4]), tuple(numbers[4:]))
    data = HeatmapData(("a", "b"), tuple("1234"), values, (("",) * 4,) * 2)
    figure = draw_heatmap(data, y="y", x="x", value="v", lower=lower)
    low, high = sorted(figure.axes[-1].get_ylim())
    assert (low, high) == pytest.approx((0.02, 0.08) if lower else (0.92, 0.98))
    colors = cell_colors(figure.axes[0], 4)
    assert colors[1, 3] == colors[1, 2]  # the end of the scale
    assert len(set(colors.values())) == 7


def test_better_cells_are_darker_on_paper_and_lighter_on_a_slide() -> None:
    for lower in (True, False):
        for style, sign in (("open", 1), ("dark", -1)):
            with use_paper(Paper(style=style)):
                colors = cell_colors(heatmap(lower=lower), 3)
            best, worst = ((1, 0), (0, 1)) if lower else ((0, 1), (1, 0))
            assert sign * lightness(colors[best]) < sign * lightness(colors[worst])


@pytest.mark.parametrize("style", ["open", "dark"])
@pytest.mark.parametrize("palette", PALETTES)
def test_equal_steps_of_the_result_are_equal_steps_of_lightness(palette: str, style: str) -> None:
    with use_paper(Paper(style=style, palette=palette)):
        colormap = result_colormap(lower=True)
    levels = [lightness(colormap(share)) for share in np.linspace(0, 1, 9)]
    steps = np.diff(levels)
    assert (steps > 0).all() or (steps < 0).all()  # readable in greyscale
    assert abs(steps).max() < 1.6 * abs(steps).min()
    assert abs(levels[-1] - levels[0]) > 50


def test_the_ink_has_at_least_the_contrast_of_large_text() -> None:
    colormap = result_colormap(lower=True)
    for share in np.linspace(0, 1, 33):
        color = colormap(float(share))
        ink = 100.0 if contrasting_ink(color) == "#FFFFFF" else 0.0
        luminances = sorted(((level + 16) / 116) ** 3 for level in (lightness(color), ink))
        assert (luminances[1] + 0.05) / (luminances[0] + 0.05) > 4.5


@pytest.mark.parametrize("venue", VENUES)
def test_every_text_lies_in_its_cell(venue: str) -> None:
    long = HeatmapData(
        ("SGD with momentum", "Adam"), DATA.columns, VALUES, TEXTS, ((0, 1),), (LOST[1], LOST[0])
    )
    with use_paper(paper_for_venue(venue)):
        figure = draw_heatmap(long, y="Optimizer", x="Learning rate", value="Validation accuracy")
    ax, renderer = figure.axes[0], text_renderer(figure)
    assert len(ax.texts) == 6 * 2 + 1
    for text in ax.texts:
        assert isinstance(text, Annotation)
        column, row = text.xy
        box = text.get_window_extent(renderer)
        corners = ax.transData.transform([(column - 0.5, row + 0.5), (column + 0.5, row - 0.5)])
        (left, bottom), (right, top) = corners
        assert left <= box.x0
        assert box.x1 <= right
        assert bottom <= box.y0
        assert box.y1 <= top


@pytest.mark.parametrize(
    ("of_row", "of_column", "cells"),
    [
        (False, False, [(0, 1)]),
        (False, True, [(0, 0), (0, 1), (1, 2)]),
        (True, False, [(0, 1), (1, 0), (1, 2)]),
    ],
)
def test_the_best_of_each_data_set_is_framed(
    of_row: bool, of_column: bool, cells: list[tuple[int, int]]
) -> None:
    means = {(0, 0): 0.95, (0, 1): 1.0, (0, 2): 0.5, (1, 0): 0.6, (1, 1): 0.5, (1, 2): 0.6}
    framed = best_cells(means, lower=False, of_row=of_row, of_column=of_column)
    assert list(framed) == cells
