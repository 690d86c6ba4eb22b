"""The figure of two trials: the differences of their seeds, and the test in words."""

import math

import pytest
from figure_checks import drawn_texts, xs, ys
from matplotlib.figure import Figure
from scipy import stats
from synthetic_trials import many

from nnlab.figures.kinds.compare import MeanDifference, SeedDifference, draw_comparison
from nnlab.stats.comparison import compare_with_best
from nnlab.stats.p_values import format_p
from nnlab.stats.rounding import format_interval

BEST = {0: 0.981, 1: 0.975, 2: 0.990, 3: 0.984, 4: 0.970}
OTHER = {0: 0.975, 1: 0.976, 2: 0.979, 3: 0.972, 4: 0.961}
DIFFERENCES = [SeedDifference(str(seed), BEST[seed] - OTHER[seed]) for seed in BEST]


def total() -> MeanDifference:
    (found,) = compare_with_best(BEST, [OTHER], higher=True)
    assert found is not None
    return MeanDifference(
        found.mean, found.low, found.high, found.adjusted, found.n, found.paired, decided=True
    )


def texts(figure: Figure) -> list[str]:
    return [text for text, _, _ in drawn_texts(figure)]


def test_the_difference_is_written_with_its_interval_and_test() -> None:
    result = stats.ttest_rel(list(BEST.values()), list(OTHER.values()))
    low, high = result.confidence_interval(0.95)
    drawn = texts(draw_comparison(many(2, 5), "val/accuracy", DIFFERENCES, total()))
    first = next(text for text in drawn if "better by" in text)
    assert first.endswith(f"(95 % CI {format_interval(float(low), float(high))})")
    mean = sum(d.difference for d in DIFFERENCES) / 5
    assert float(first.split("better by ")[1].split()[0]) == pytest.approx(mean, abs=0.0005)
    assert f"p = {result.pvalue:.3f}, paired t test, n = 5 shared seeds" in drawn


def test_every_seed_has_a_point_and_the_mean_its_interval() -> None:
    ax = draw_comparison(many(2, 5), "val/accuracy", DIFFERENCES, total()).axes[1]
    points = {xs(line)[0]: ys(line)[0] for line in ax.lines if line.get_marker() == "o"}
    assert points == pytest.approx(dict(enumerate(d.difference for d in DIFFERENCES)))
    (interval,) = [line for line in ax.lines if len(xs(line)) == 2 and xs(line)[0] == 5.5]
    assert ys(interval) == pytest.approx((total().low, total().high))


def test_the_axis_has_the_unit_of_the_metric() -> None:
    accuracy = draw_comparison(many(2, 5), "val/accuracy", DIFFERENCES, total())
    loss = draw_comparison(many(2, 5), "val/loss", DIFFERENCES, total(), "mse", lower=True)
    assert accuracy.axes[1].get_ylabel().replace("\n", " ") == "Gain in validation accuracy"
    label = loss.axes[1].get_ylabel().replace("\n", " ")
    assert label == "Reduction of validation loss (mean squared error)"


def test_seeds_with_a_diverged_run_are_crosses() -> None:
    differences = [SeedDifference("0", 0.1, diverged=True), SeedDifference("1", 0.2)]
    ax = draw_comparison(many(2, 2), "val/accuracy", differences, None).axes[1]
    assert [line.get_marker() for line in ax.lines if len(xs(line)) == 1] == ["x", "o"]


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (MeanDifference(0.1, math.nan, math.nan, 0.0625, 5, True, True), "exact sign-flip test"),
        (MeanDifference(0.1, 0.05, 0.15, 1e-9, 5, False, True), "p < 0.001, Welch's t test"),
        (MeanDifference(0.1, 0.05, 0.15, 0.01, 3, True, False), "too few seeds to test, n = 3"),
    ],
)
def test_the_test_is_named(difference: MeanDifference, text: str) -> None:
    assert text in difference.statements[1]


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1.0, "p = 1.00"),
        (0.21, "p = 0.21"),
        (0.0499, "p = 0.0499"),
        (0.0501, "p = 0.0501"),
        (0.05, "p = 0.050"),
        (0.001, "p = 0.001"),
        (0.00099, "p < 0.001"),
    ],
)
def test_p_values_keep_their_side_of_the_level(p: float, text: str) -> None:
    assert format_p(p) == text
