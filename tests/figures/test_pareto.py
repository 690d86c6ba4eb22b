"""Pareto figures: the staircase, and labels that cover nothing."""

import itertools
from dataclasses import replace

import pytest
from figure_checks import xs, ys
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox
from tradeoff_figures import costs

from nnlab.figures.draw.paper import Paper, use_paper
from nnlab.figures.kinds.pareto import ParetoPoint, draw_pareto


def draw(trials: list[ParetoPoint], *, lower: bool = False) -> Figure:
    return draw_pareto(trials, "Training time (s)", "Validation accuracy", lower=lower)


def staircase(figure: Figure) -> Line2D:
    (line,) = [line for line in figure.axes[0].lines if line.get_drawstyle() == "steps-post"]
    return line


@pytest.mark.parametrize("count", [1, 5, 40])
def test_the_staircase_is_the_best_value_at_each_cost(count: int) -> None:
    trials = costs(count)
    figure = draw(trials)
    line = staircase(figure)
    front = sorted((t for t in trials if t.on_front), key=lambda t: t.cost)
    assert xs(line)[:-1] == tuple(trial.cost for trial in front)
    assert xs(line)[-1] == figure.axes[0].get_xlim()[1]
    for x, y in zip(xs(line), ys(line), strict=True):
        assert y == max(trial.value for trial in trials if trial.cost <= x)


def test_labels_cover_no_point_no_bar_and_no_other_label() -> None:
    trials = costs(40)
    figure = draw(trials)
    figure.draw_without_rendering()
    (ax,) = figure.axes[:1]
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == sum(trial.on_front for trial in trials)
    for one, other in itertools.combinations(boxes, 2):
        assert Bbox.intersection(one, other) is None
    for trial in trials:
        x, y = ax.transData.transform((trial.cost, trial.value))
        assert not any(box.contains(x, y) for box in boxes)
        for bound in trial.value_bounds or ():
            x, y = ax.transData.transform((trial.cost, bound))
            assert not any(box.contains(x, y) for box in boxes)
    panel = ax.get_window_extent()
    assert all(panel.contains(box.x0, box.y0) and panel.contains(box.x1, box.y1) for box in boxes)


def test_labels_without_space_are_numbers_that_the_legend_explains() -> None:
    crowded = [
        ParetoPoint(
            f"a rather long name of trial {i}", 1 + 1e-3 * i, 0.5 + 1e-3 * i, None, None, 1, True
        )
        for i in range(16)
    ] + [ParetoPoint("dear", 50.0, 0.2, None, None, 1)]
    with use_paper(Paper(width=2.5)):
        figure = draw(crowded)
    written = [text.get_text() for text in figure.axes[0].texts]
    numbers = [text for text in written if text.isdigit()]
    assert numbers
    legend = [text.get_text() for entry in figure.subfigs[1].legends for text in entry.get_texts()]
    assert all(any(key.startswith(f"{number}  ") for key in legend) for number in numbers)


def test_equal_trials_share_one_label() -> None:
    same = [ParetoPoint(f"lr {i}", 1.0, 0.5, None, None, 1, True) for i in range(4)]
    assert [text.get_text() for text in draw(same).axes[0].texts] == ["lr 0 and 3 equal"]


def test_decades_of_costs_have_a_logarithmic_axis() -> None:
    assert draw(costs(12)).axes[0].get_xscale() == "log"
    near = [replace(trial, cost=1 + trial.cost / 100) for trial in costs(12)]
    assert draw(near).axes[0].get_xscale() == "linear"


def test_trials_with_diverged_seeds_are_crosses_and_not_on_the_front() -> None:
    figure = draw(costs(12, diverged=3))
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert len(crosses) == 3
    low, _ = figure.axes[0].get_ylim()
    assert all(ys(line)[0] >= low for line in crosses)
