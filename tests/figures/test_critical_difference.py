"""Critical difference diagrams: positions on the axis are average ranks."""

import itertools
from dataclasses import replace

import pytest
from figure_checks import drawn_texts, xs, ys
from matplotlib.figure import Figure
from tradeoff_figures import ranks

from nnlab.figures.draw.paper import use_paper
from nnlab.figures.draw.venues import paper_for_venue
from nnlab.figures.kinds.critical_difference import draw_critical_difference
from nnlab.stats.average_ranks import RankComparison, compare_average_ranks


def scale(figure: Figure, methods: int) -> tuple[float, float]:
    """The place of rank 1, and the distance of two ranks."""
    axis = figure.axes[0].lines[0]
    left, right = xs(axis)
    return left, (right - left) / (methods - 1)


def bars(figure: Figure) -> list[tuple[float, float]]:
    lines = [line for line in figure.axes[0].lines if line.get_linewidth() > 2]
    return [(xs(line)[0], xs(line)[1]) for line in lines]


def texts(figure: Figure) -> list[str]:
    return [text for text, _, _ in drawn_texts(figure)]


def check_positions(comparison: RankComparison) -> None:
    figure = draw_critical_difference(comparison)
    left, unit = scale(figure, len(comparison.names))
    drops = [line for line in figure.axes[0].lines if len(xs(line)) == 3]
    found = [(xs(line)[0] - left) / unit + 1 for line in drops]
    assert found == pytest.approx(list(comparison.ranks))
    for (first, last), (start, end) in zip(comparison.groups, bars(figure), strict=True):
        middle = (start + end) / 2
        expected = (comparison.ranks[first] + comparison.ranks[last]) / 2
        assert (middle - left) / unit + 1 == pytest.approx(expected)
        assert end - start > (comparison.ranks[last] - comparison.ranks[first]) * unit


@pytest.mark.parametrize("methods", [3, 6, 12])
def test_lines_and_bars_are_at_the_average_ranks(methods: int) -> None:
    check_positions(ranks(methods, 20))


def test_the_bracket_is_as_long_as_the_critical_difference() -> None:
    comparison = ranks(6, 20)
    figure = draw_critical_difference(comparison)
    _, unit = scale(figure, 6)
    spans = [xs(line) for line in figure.axes[0].lines if len(xs(line)) == 2]
    assert any(
        end - start == pytest.approx(comparison.critical_difference * unit) for start, end in spans
    )
    assert f"critical difference {comparison.critical_difference:.2f}" in texts(figure)


def test_bars_of_one_height_do_not_touch() -> None:
    figure = draw_critical_difference(ranks(20, 40))
    by_height: dict[float, list[tuple[float, float]]] = {}
    for line in figure.axes[0].lines:
        if line.get_linewidth() > 2:
            by_height.setdefault(ys(line)[0], []).append((xs(line)[0], xs(line)[1]))
    assert len(by_height) > 1
    for spans in by_height.values():
        ordered = sorted(spans)
        assert all(a[1] < b[0] for a, b in itertools.pairwise(ordered))


def test_the_figure_names_its_tests() -> None:
    words = " ".join(texts(draw_critical_difference(ranks(6, 20)))).split()
    text = " ".join(words)
    assert "Friedman test over 20 data sets: permutation p < 0.001" in text
    assert "(Nemenyi test, 5% level)" in text


def test_without_a_difference_all_are_joined_and_it_says_so() -> None:
    same = compare_average_ranks(
        {n: [(float((i + j) % 3),) for j in range(4)] for i, n in enumerate("abc")}
    )
    figure = draw_critical_difference(same, "seed")
    assert same.p > 0.05
    assert len(bars(figure)) == 1
    assert any("no significant difference" in text for text in texts(figure))


def test_names_use_the_space_that_the_labels_on_the_other_side_leave() -> None:
    names = ("SGD with momentum", "Adam", "SGD")
    comparison = replace(ranks(3, 20), names=names)
    with use_paper(paper_for_venue("icml")):
        figure = draw_critical_difference(comparison)
    assert any(text.startswith("SGD with momentum (") for text in texts(figure))
    longer = replace(comparison, names=tuple(f"{name}, weight decay 0.0005" for name in names))
    with use_paper(paper_for_venue("icml")):
        figure = draw_critical_difference(longer)
    assert any("…" in text for text in texts(figure))
