"""Parallel coordinates: colours, ticks, bands of equal values, and diverged trials."""

import math

import numpy as np
import pytest
from figure_checks import xs, ys
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.legend import Legend

from nnlab.figures.draw.axis_range import AxisRange
from nnlab.figures.draw.parallel_axes import round_ticks, setting_heights
from nnlab.figures.kinds.parallel import ParallelAxis, draw_parallel

OPTIMIZERS = ParallelAxis("Optimizer", ("SGD", "Adam", "SGD", "Adam", "SGD", "SGD"))
RATES = ParallelAxis("Learning rate", (0.1, 0.001, 0.1, 0.1, 0.1, 10.0))
ACCURACY = (0.8, 0.7, 0.8, 0.95, 0.9, math.nan)


def parallel(lower: bool = False, diverged: tuple[bool, ...] = ()) -> Axes:
    return draw_parallel(
        [OPTIMIZERS, RATES], ACCURACY, "Accuracy", lower=lower, diverged=diverged
    ).axes[0]


def trial_lines(ax: Axes) -> list[tuple[tuple[float, ...], tuple[float, ...], float]]:
    """The heights, the colour and the width of each trial, worst first."""
    return [
        (ys(line), to_rgb(line.get_color()), line.get_linewidth())
        for line in ax.lines
        if xs(line) == (0, 1, 2)
    ]


@pytest.mark.parametrize("lower", [True, False])
def test_the_best_trial_is_dark_thick_and_on_top(lower: bool) -> None:
    lines = trial_lines(parallel(lower))
    best, others = lines[-1], lines[1:-1]
    assert all(sum(best[1]) < sum(color) for _, color, _ in others)
    assert all(best[2] > width for _, _, width in others)
    assert best[0][2] == (0.0 if lower else 1.0)


def test_equal_paths_are_lines_side_by_side() -> None:
    paths = [heights for heights, _, _ in trial_lines(parallel())]
    assert len(set(paths)) == 6
    for axis in (0, 1):
        assert len({path[axis] for path in paths}) == 6


def test_equal_numbers_stay_near_their_place_and_categories_in_their_band() -> None:
    rates = setting_heights(RATES, range(6))
    near = [h for h, v in zip(rates.heights, RATES.values, strict=True) if v == 0.1]
    assert all(h is not None and abs(h - 0.5) < 0.031 for h in near)
    assert sum(h or 0.0 for h in near) / 4 == pytest.approx(0.5)
    optimizers = setting_heights(OPTIMIZERS, range(6))
    (low_end, adam_end), (sgd_start, high_end) = optimizers.bands
    assert (low_end, high_end) == pytest.approx((0, 1))
    # As high as their number of trials.
    assert (high_end - sgd_start) / (adam_end - low_end) == pytest.approx(4 / 2)
    for height, word in zip(optimizers.heights, OPTIMIZERS.values, strict=True):
        assert height is not None
        start, end = optimizers.bands[0 if word == "Adam" else 1]
        assert start < height < end


def test_the_order_of_categories_can_be_chosen() -> None:
    axis = ParallelAxis("Optimizer", OPTIMIZERS.values, ("SGD", "Adam"))
    assert [text for _, text in setting_heights(axis, range(6)).ticks] == ["SGD", "Adam"]


@pytest.mark.parametrize(
    ("axis_range", "ticks"),
    [
        (AxisRange(0.363, 1.0, log=False), [0.4, 0.6, 0.8, 1.0]),
        (AxisRange(1.36e-4, 0.84, log=True), [0.001, 0.01, 0.1]),
        (AxisRange(0.003, 0.7, log=True), [0.01, 0.1]),
        (AxisRange(17.0, 93.0, log=False), [20.0, 40.0, 60.0, 80.0]),
        (AxisRange(5.0, 5.0, log=False), [5.0]),
    ],
)
def test_ticks_are_round(axis_range: AxisRange, ticks: list[float]) -> None:
    assert round_ticks(axis_range) == ticks


def test_many_values_have_round_ticks_and_few_have_their_own() -> None:
    sample = tuple(float(value) for value in np.geomspace(1.3e-4, 0.9, 60))
    axis = setting_heights(ParallelAxis("lr", sample), range(60))
    assert [text for _, text in axis.ticks] == ["0.001", "0.01", "0.1"]
    for height, text in axis.ticks:
        share = math.log(float(text) / sample[0]) / math.log(sample[-1] / sample[0])
        assert height == pytest.approx(share)
    few = setting_heights(RATES, range(6))
    assert [text for _, text in few.ticks] == ["0.001", "0.1", "10"]


@pytest.mark.parametrize("lower", [True, False])
def test_a_diverged_trial_is_dotted_and_ends_in_a_cross_beyond_the_axis(lower: bool) -> None:
    ax = parallel(lower, diverged=(False, False, False, False, True, True))
    dotted = next(line for line in ax.lines if xs(line) == (0, 1, 2))
    assert dotted.get_linestyle() == ":"
    assert ys(dotted)[-1] > 1 if lower else ys(dotted)[-1] < 0
    low, high = ax.get_ylim()
    assert low < ys(dotted)[-1] < high
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert len(crosses) == 2
    figure = ax.figure.figure if ax.figure is not None else None
    assert figure is not None
    (legend,) = [item for item in figure.findobj(Legend) if isinstance(item, Legend)]
    assert [text.get_text() for text in legend.get_texts()] == [
        "best trial",
        "diverged (1 trial)",
        "some runs diverged (1 trial)",
    ]


def test_a_result_beyond_the_axis_is_marked_and_counted() -> None:
    losses = (0.1, 0.2, 0.3, 0.25, 0.15, 1e9)
    ax = draw_parallel([OPTIMIZERS, RATES], losses, "Loss", lower=True, log=True).axes[0]
    (arrow,) = [line for line in ax.lines if line.get_marker() == "^"]
    assert ys(arrow) == (1.0,)
    figure = ax.figure.figure if ax.figure is not None else None
    assert figure is not None
    (legend,) = [item for item in figure.findobj(Legend) if isinstance(item, Legend)]
    assert "beyond the axis (1 trial)" in [text.get_text() for text in legend.get_texts()]
