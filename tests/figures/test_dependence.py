"""Dependence figures: a panel per setting, with one value axis."""

from dataclasses import replace

from figure_checks import drawn_texts, xs, ys
from tradeoff_figures import dependence

from nnlab.figures.kinds.dependence import draw_dependence


def test_each_panel_shows_its_means() -> None:
    panels = dependence(4)
    figure = draw_dependence(panels, "Validation accuracy")
    assert [ax.get_xlabel() for ax in figure.axes] == [panel.label for panel in panels]
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    for ax, panel in zip(figure.axes, panels, strict=True):
        if isinstance(panel.values[0], str):
            means = [ys(line)[0] for line in ax.lines if line.get_marker() == "o"]
            bars = [ys(line) for line in ax.lines if len(xs(line)) == 2]
            assert means == list(panel.means)
            assert bars == list(zip(panel.lows, panel.highs, strict=True))
        else:
            assert (xs(ax.lines[0]), ys(ax.lines[0])) == (panel.values, panel.means)
            assert ax.get_xscale() == "log"
            assert len(ax.collections) == 1


def test_tested_values_are_strokes_unless_they_are_the_points() -> None:
    (panel,) = dependence(1)
    (ax,) = draw_dependence([panel], "Loss").axes
    assert any(xs(line) == panel.tested and line.get_marker() == "|" for line in ax.lines)
    grid = replace(panel, tested=tuple(v for v in panel.values if not isinstance(v, str)))
    figure = draw_dependence([grid], "Loss")
    assert not any(line.get_marker() == "|" for line in figure.axes[0].lines)
    assert "tested values" not in [text for text, _, _ in drawn_texts(figure)]
