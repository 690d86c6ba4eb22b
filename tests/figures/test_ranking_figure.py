"""The figure of a ranking: its axis, its columns of text, arrows, crosses and brackets."""

import itertools
import math
from dataclasses import replace

import pytest
from figure_checks import drawn_texts, xs, ys
from matplotlib.figure import Figure
from scipy import stats

from nnlab.figures.draw.labels import text_inches
from nnlab.figures.draw.leading_group import RowValues, leading_range
from nnlab.figures.draw.number_texts import number_texts, value_part
from nnlab.figures.draw.paper import Paper, use_paper
from nnlab.figures.draw.reader_options import ReaderOptions, use_reader_options
from nnlab.figures.kinds.ranking import RankedRow, draw_ranking
from nnlab.stats.intervals import confidence_interval
from nnlab.stats.number_columns import NO_NUMBER
from nnlab.stats.uncertainty import Uncertainty

NAN = math.nan


def row(label: str, *values: float, tier: int | None = None, diverged: int = 0) -> RankedRow:
    mean, bounds = sum(values) / len(values), confidence_interval(values)
    sd = float(stats.tstd(values)) if len(values) > 1 else NAN
    flags = tuple(i < diverged for i in range(len(values)))
    return RankedRow(label, values, mean, sd, bounds, tier, flags)


LEADERS = (
    row("a", 0.981, 0.985, 0.979, tier=1),
    row("b", 0.974, 0.976, 0.972, tier=1),
    row("c", 0.949, 0.955, 0.951, tier=2),
)
OUTLIER = row("d", 0.104, 0.106, 0.102, tier=2)


def texts(figure: Figure) -> list[str]:
    return [text for text, _, _ in drawn_texts(figure)]


def test_an_outlier_leaves_the_axis_and_is_an_arrow_with_its_mean() -> None:
    figure = draw_ranking([*LEADERS, OUTLIER], "Accuracy", lower=False)
    ax = figure.axes[0]
    low, high = ax.get_xlim()
    assert 0.9 < low < 0.949
    assert 0.985 < high < 1.0
    (arrow,) = [line for line in ax.lines if line.get_marker() == "<"]
    assert ys(arrow) == (3.0,)
    assert [a.get_text() for a in ax.texts if a.get_text().startswith("0.104")] == [
        "0.104",
        "0.104 ± 0.005",
    ]


def test_the_number_of_seeds_that_work_is_beside_the_mean_of_these() -> None:
    rows = [LEADERS[0], replace(LEADERS[1], values=(0.974, 0.976, 0.1), working=2)]
    shown = texts(draw_ranking(rows, "Accuracy", lower=False))
    assert "2/3 work" in shown
    assert "3" in shown


def test_for_a_loss_the_arrow_is_on_the_right() -> None:
    rows = [row(f"lr {i}", 0.1 + i / 50, 0.11 + i / 50) for i in range(4)]
    figure = draw_ranking([*rows, row("bad", 4e5, 5e5)], "Loss", lower=True)
    ax = figure.axes[0]
    assert ax.get_xscale() == "linear"
    assert ax.get_xlim()[1] < 1
    assert [line.get_marker() for line in ax.lines if line.get_marker() in ("<", ">")] == [">"]
    assert "4·10⁵" in texts(figure)


@pytest.mark.parametrize(
    ("means", "lower", "expected"),
    [
        ((0.98, 0.97, 0.96, 0.1), False, (0.96, 0.98, False)),
        ((0.98, 0.90, 0.75, 0.6), False, (0.6, 0.98, False)),  # no gap
        ((0.98, 0.1), False, (0.1, 0.98, False)),  # two trials are both shown
        ((0.98, 0.98, 0.98, 0.1), False, (0.1, 0.98, False)),  # nothing to compare a distance with
        ((0.01, 0.1, 1.0, 10.0), True, (0.01, 10.0, True)),
        ((0.1, 0.11, 0.12, 50.0), True, (0.1, 0.12, False)),
        ((0.01, 0.1, 1.0, 1e30), True, (0.01, 1.0, True)),
        ((0.5, 0.1, 0.2, NAN), True, (0.1, 0.5, False)),
    ],
)
def test_the_axis_shows_the_leading_trials(
    means: tuple[float, ...], lower: bool, expected: tuple[float, float, bool]
) -> None:
    shown = leading_range([RowValues((), mean) for mean in means], lower=lower)
    assert shown is not None
    assert (shown.low, shown.high, shown.log) == expected


def test_a_trial_whose_interval_reaches_the_leaders_stays_on_the_axis() -> None:
    rows = [RowValues((), mean) for mean in (1.0, 0.95, 0.95)]
    shown = leading_range([*rows, RowValues((), 0.8, (0.6, 1.0))], lower=False)
    assert shown is not None
    assert shown.low == pytest.approx(0.7)  # intervals extend the axis by half of the values


def test_no_finite_mean_is_no_range() -> None:
    assert leading_range([RowValues((), NAN)], lower=True) is None


def test_diverged_runs_are_crosses_and_counted() -> None:
    partly = row("lr 10", 0.5, 0.6, 0.7, diverged=1)
    wholly = row("lr 30", 0.3, 0.4, 0.5, diverged=3)
    figure = draw_ranking([*LEADERS, partly, wholly], "Accuracy", lower=False)
    crosses = {ys(line)[0]: xs(line) for line in figure.axes[0].lines if line.get_marker() == "x"}
    assert crosses == {3.0: (0.5,), 4.0: (0.3, 0.4, 0.5)}
    assert {"1/3 diverged", "3/3 diverged", "diverged run"} <= set(texts(figure))
    # Nothing stands for a mean of runs without a result.
    dots = [line for line in figure.axes[0].lines if line.get_marker() in ("o", "s", "D")]
    assert {ys(line)[0] for line in dots} == {0.0, 1.0, 2.0, 3.0}


def test_a_run_without_any_value_is_a_cross_at_the_edge() -> None:
    lost = RankedRow("lr 10", (NAN, NAN), NAN, NAN, None, None, (True, True))
    ax = draw_ranking([*LEADERS, lost], "Accuracy", lower=False).axes[0]
    (cross,) = [line for line in ax.lines if line.get_marker() == "x"]
    assert xs(cross) == (ax.get_xlim()[0],) * 2


def test_columns_have_headings_and_equal_decimals() -> None:
    figure = draw_ranking([*LEADERS, OUTLIER], "Accuracy", lower=False)
    drawn = texts(figure)
    assert {"Trial", "mean ± 95 % CI", "n", "tier"} <= set(drawn)
    means = [text.split(" ± ")[0] for text in drawn if text[:2] == "0." and "±" in text]
    assert means == ["0.982", "0.974", "0.952", "0.104"]


def test_the_interval_is_that_of_student() -> None:
    figure = draw_ranking(LEADERS, "Accuracy", lower=False)
    low, high = stats.t.interval(0.95, 2, *_mean_and_sem(LEADERS[0].values))
    bars = [line for line in figure.axes[0].lines if len(xs(line)) == 2 and ys(line) == (0, 0)]
    assert xs(bars[0]) == pytest.approx((low, high))
    assert f"0.982 ± {(high - low) / 2:.3f}" in texts(figure)
    assert "mean, 95 % CI" in texts(figure)


def test_the_uncertainty_is_the_one_the_reader_chose() -> None:
    with use_reader_options(ReaderOptions(uncertainty=Uncertainty.SD)):
        drawn = texts(draw_ranking(LEADERS, "Accuracy", lower=False))
    assert "mean ± sd" in drawn
    assert f"0.982 ± {stats.tstd(LEADERS[0].values):.3f}" in drawn
    assert "mean, sd" in drawn


def test_tiers_are_brackets_and_their_test_is_named() -> None:
    name = "moderated paired t test, corrected for 4 trials"
    figure = draw_ranking([*LEADERS, OUTLIER], "Accuracy", lower=False, test=name)
    drawn = texts(figure)
    assert f"tiers: {name}" in drawn
    brackets = [line for line in figure.axes[0].lines if len(xs(line)) == 4]
    assert [(ys(line)[0], ys(line)[-1]) for line in brackets] == [
        pytest.approx((-0.32, 1.32)),
        pytest.approx((1.68, 3.32)),
    ]
    assert [text for text in drawn if text in ("1", "2")] == ["1", "2"]


def test_a_part_of_the_trials_is_named_in_the_heading() -> None:
    assert "Best 3 of 60 trials" in texts(draw_ranking(LEADERS, "a", lower=False, total=60))


def test_on_a_narrow_page_the_means_have_no_spread() -> None:
    with use_paper(Paper(width=2.2)):
        drawn = texts(draw_ranking(LEADERS, "Accuracy", lower=False))
    assert "mean" in drawn
    assert not any("±" in text for text in drawn)


def test_numbers_of_a_column() -> None:
    texts = number_texts([0.98765, 0.6, NAN], [0.0041, 0.0, NAN], resolution=1 / 270)
    assert texts == ("0.988 ± 0.004", "0.600 ± 0", NO_NUMBER)
    assert number_texts([-0.0001, 0.2], [0.01, 0.02]) == ("0.000 ± 0.010", "0.200 ± 0.020")
    assert value_part(number_texts([1.5e7], [2e6])[0]) == "1.5·10⁷"


def _mean_and_sem(values: tuple[float, ...]) -> tuple[float, float]:
    return sum(values) / len(values), float(stats.sem(values))


def test_tick_labels_of_a_narrow_panel_do_not_overlap() -> None:
    rows = [row(f"SGD with momentum, lr {i}", 0.9 + i / 100, 0.92 + i / 100) for i in range(8)]
    with use_paper(Paper(width=1.7, size=7)):
        ax = draw_ranking(rows, "Accuracy", lower=False).axes[0]
        width = ax.get_position().width * 1.7
        low, high = ax.get_xlim()
        ticks = [(tick - low) / (high - low) * width for tick in ax.get_xticks()]
        shown = [tick for tick in ticks if 0 <= tick <= width]
        assert shown
        assert all(b - a > text_inches("0.95", 7) for a, b in itertools.pairwise(shown))
