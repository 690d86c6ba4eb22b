"""Strips and boxes of seeds: every value is drawn at its place."""

from figure_checks import drawn_texts, xs, ys
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from tradeoff_figures import strips

from nnlab.figures.kinds.seeds import SeedStrip, draw_seeds


def rows_of_points(figure: Figure) -> list[tuple[float, ...]]:
    lines = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    return [xs(line) for line in lines]


def test_every_value_is_a_point_of_its_row() -> None:
    data = strips(4, 10)
    figure = draw_seeds(data, "Validation accuracy", lower=False)
    assert [sorted(row) for row in rows_of_points(figure)] == [sorted(s.values) for s in data]
    for index, line in enumerate(line for line in figure.axes[0].lines if line.get_marker() == "o"):
        assert all(abs(y - index) < 0.5 for y in ys(line))


def test_equal_values_do_not_hide_each_other() -> None:
    data = [SeedStrip("lr 1", (0.5,) * 8, 0, 0.5, (0.5, 0.5), None)]
    (line,) = [
        line for line in draw_seeds(data, "Loss", lower=True).axes[0].lines
        if line.get_marker() == "o"
    ]  # fmt: skip
    assert len(set(ys(line))) == 8


def test_means_have_their_interval() -> None:
    data = strips(3, 10)
    figure = draw_seeds(data, "Validation accuracy", lower=False)
    spans = [xs(line) for line in figure.axes[0].lines if len(xs(line)) == 2]
    means = [xs(line)[0] for line in figure.axes[0].lines if line.get_marker() == "|"]
    assert means == [strip.mean for strip in data]
    low, high = figure.axes[0].get_xlim()
    assert spans == [
        (max(s.interval[0], low), min(s.interval[1], high)) for s in data if s.interval
    ]


def test_boxes_are_the_quartiles_with_tukeys_whiskers() -> None:
    data = strips(3, 11)
    figure = draw_seeds(data, "Validation accuracy", lower=False, box=True)
    boxes = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    for strip, box in zip(data, boxes, strict=True):
        assert strip.box is not None
        assert box.get_x() == strip.box.first_quartile
        assert box.get_x() + box.get_width() == strip.box.third_quartile
        ends = {x for line in figure.axes[0].lines for x in xs(line)}
        assert {strip.box.low_whisker, strip.box.median, strip.box.high_whisker} <= ends
    assert any("1.5 IQR" in text for text, _, _ in drawn_texts(figure))


def test_diverged_runs_are_counted_at_the_worse_edge() -> None:
    for lower in (True, False):
        data = strips(4, 6, diverged=2)
        figure = draw_seeds(data, "Loss", lower=lower)
        ax = figure.axes[0]
        crosses = {ys(line)[0]: xs(line)[0] for line in ax.lines if line.get_marker() == "x"}
        edge = ax.get_xlim()[1] if lower else ax.get_xlim()[0]
        assert crosses == {row: edge for row, strip in enumerate(data) if strip.diverged}
        counts = [text.get_text() for text in ax.texts]
        assert counts == [str(strip.diverged) for strip in data if strip.diverged]


def test_rows_far_beyond_the_others_are_counted_at_the_edge() -> None:
    data = [*strips(4, 6), SeedStrip("lr 100", (900.0, 1200.0), 0, 1050.0, None, None)]
    figure = draw_seeds(data, "Loss", lower=True)
    ax = figure.axes[0]
    assert ax.get_xlim()[1] < 10
    (arrow,) = [line for line in ax.lines if line.get_marker() == ">"]
    assert (xs(arrow)[0], ys(arrow)[0]) == (ax.get_xlim()[1], 4)
    assert [text.get_text() for text in ax.texts] == ["2"]
    assert any("beyond the axis" in text for text, _, _ in drawn_texts(figure))
