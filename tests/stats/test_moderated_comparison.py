"""Moderated comparisons: limma, scipy, the studentized range, scales, counted examples."""

import math

import numpy as np
import pytest
from scipy import optimize, special, stats

from nnlab.stats.comparison import compare_with_best
from nnlab.stats.gamma_derivatives import (
    digamma,
    inverse_trigamma,
    third_trigamma_derivative,
    trigamma,
)
from nnlab.stats.metric_scale import candidate_scales
from nnlab.stats.moderated_variance import moderate_variances
from nnlab.stats.sampling_noise import SamplingNoise, lattice_step
from nnlab.stats.seed_blocks import residual_variances
from nnlab.stats.studentized_range import range_adjusted_p, range_critical_t

FRACTION = (0.0, 1.0)
LOSS = (0.0, math.inf)


@pytest.mark.parametrize("x", [0.3, 0.5, 1.0, 1.5, 4.0, 14.5, 300.0])
def test_the_derivatives_of_log_gamma_are_those_of_scipy(x: float) -> None:
    assert digamma(x) == pytest.approx(float(special.digamma(x)), rel=1e-10, abs=1e-12)
    assert trigamma(x) == pytest.approx(float(special.polygamma(1, x)), rel=1e-10)
    assert third_trigamma_derivative(x) == pytest.approx(float(special.polygamma(3, x)), rel=1e-9)
    assert inverse_trigamma(trigamma(x)) == pytest.approx(x, rel=1e-8)


@pytest.mark.parametrize(
    ("groups", "df"), [(2, 3.0), (3, 7.0), (7, 9.5), (10, 18.0), (25, 40.0), (150, 13.0)]
)
def test_critical_values_are_those_of_the_studentized_range(groups: int, df: float) -> None:
    expected = stats.studentized_range.ppf(0.95, groups, df) / math.sqrt(2)
    critical = range_critical_t(groups, df)
    assert critical == pytest.approx(expected, rel=2e-3)
    assert range_adjusted_p(2 * stats.t.sf(critical, df), groups, df) == pytest.approx(0.05)


def test_unequal_variances_are_moderated_as_by_limma() -> None:
    """The moments of log variances (Smyth 2004, section 6.2), solved with scipy."""
    df, variances = 4, [0.01, 0.02, 0.5, 1.0, 4.0, 30.0, 0.05, 2.0]
    moderated = moderate_variances(variances, [df] * 8, float(np.mean(variances)), 32)
    logs = np.log(variances) - special.digamma(df / 2) + np.log(df / 2)
    excess = logs.var(ddof=1) - special.polygamma(1, df / 2)
    prior_df = 2 * optimize.brentq(lambda x: special.polygamma(1, x) - excess, 1e-3, 1e3)
    prior = math.exp(logs.mean() + special.digamma(prior_df / 2) - math.log(prior_df / 2))
    assert moderated is not None
    assert not moderated.are_equal
    assert moderated.prior_df == pytest.approx(prior_df)
    expected = [(prior_df * prior + df * v) / (prior_df + df) for v in variances]
    assert moderated.variances == pytest.approx(expected)


def test_equal_variances_are_moved_to_the_pooled_one() -> None:
    moderated = moderate_variances([1.0, 2.0, 3.0], [2.0] * 3, 2.0, 4.0)
    assert moderated is not None
    assert moderated.are_equal
    assert (moderated.prior_df, moderated.variances) == (2.0, (1.5, 2.0, 2.5))
    assert moderate_variances([1.0, 2.0], [2.0] * 2, 1.5, 2.0) is None


def test_variances_of_three_trials_add_up_to_those_of_their_differences() -> None:
    noise = [[1, -1, 2, -2, 0, 0], [2, 2, -1, -1, -1, -1], [0, 1, 1, 0, -3, 1]]
    values = np.array(noise) + 3.0 * np.arange(6)
    result = residual_variances([dict(enumerate(row)) for row in values.tolist()])
    for first, second in ((0, 1), (0, 2), (1, 2)):
        total = result.variances[first] + result.variances[second]
        assert total == pytest.approx(np.var(values[first] - values[second], ddof=1))
    assert result.pooled_df == pytest.approx(10)


def test_the_pooled_variance_is_the_mean_square_of_two_way_analysis_of_variance() -> None:
    values = np.random.default_rng(1).normal(size=(5, 4))
    result = residual_variances([dict(enumerate(row)) for row in values.tolist()])
    residuals = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    assert result.pooled == pytest.approx((residuals**2).sum() / 12)
    # A missing value: the residuals of least squares.
    trials = [dict(enumerate(row)) for row in values.tolist()]
    del trials[2][3]
    cells = [(i, j) for i, trial in enumerate(trials) for j in trial]
    design = np.zeros((len(cells), 9))
    for row, (i, j) in enumerate(cells):
        design[row, [i, 5 + j]] = 1
    y = np.array([trials[i][j] for i, j in cells])
    fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    incomplete = residual_variances(trials)
    squares = incomplete.pooled * incomplete.pooled_df
    assert squares == pytest.approx(((y - fitted) ** 2).sum(), rel=1e-6)
    assert incomplete.pooled_df == pytest.approx(11, abs=0.3)


def test_scales_fit_the_limits_and_are_inverted() -> None:
    values = [0.0, 0.25, 0.9, 1.0]
    names = [scale.name for scale in candidate_scales(FRACTION, values, 1 / 20)]
    assert names == ["identity", "arcsine", "logit"]
    for scale in candidate_scales(FRACTION, values, 1 / 20):
        assert [scale.inverse(scale.forward(v)) for v in values] == pytest.approx(values, abs=1e-12)
    logit = candidate_scales(FRACTION, values, 1 / 20)[2]
    assert logit.forward(1.0) == pytest.approx(math.log(20.5 / 0.5))
    assert [s.name for s in candidate_scales(LOSS, [0.1, 2.0], None)] == ["identity", "log"]
    assert [s.name for s in candidate_scales(LOSS, [-0.1, 2.0], None)] == ["identity"]
    assert [s.name for s in candidate_scales(FRACTION, [97.0, 98.0], None)] == ["identity"]


def test_a_noisy_trial_far_behind_is_in_the_second_tier() -> None:
    """Accuracies of 0.988 ± 0.006 and 0.63 ± 0.18 over three seeds, among ten trials."""
    rng = np.random.default_rng(3)
    levels = [0.988, *np.linspace(0.985, 0.93, 8), 0.63]
    logits = [math.log(p / (1 - p)) + 0.5 * rng.normal(size=3) for p in levels]
    trials = [dict(enumerate((1 / (1 + np.exp(-x))).tolist())) for x in logits]
    trials[0] = {0: 0.982, 1: 0.988, 2: 0.994}
    trials[-1] = {0: 0.45, 1: 0.63, 2: 0.81}
    comparisons = compare_with_best(trials[0], trials[1:], higher=True, limits=FRACTION)
    last = comparisons[-1]
    assert last is not None
    assert last.is_significant
    assert 0 < last.low < last.mean < last.high < 1


def test_equal_differences_of_few_examples_are_within_their_noise() -> None:
    """Twenty and nineteen of 22 examples are correct, with every seed."""
    noise = SamplingNoise(examples=22)
    best, other = dict.fromkeys(range(3), 20 / 22), dict.fromkeys(range(3), 19 / 22)
    (comparison,) = compare_with_best(best, [other], higher=True, limits=FRACTION, noise=noise)
    assert comparison is not None
    assert comparison.has_enough_seeds
    assert not comparison.is_significant
    shares = [(3 * k + 0.5) / 67 for k in (20, 19)]
    error = math.sqrt(sum(p * (1 - p) / 22 / 3 for p in shares))
    z = stats.norm.ppf(0.95)
    assert comparison.adjusted == pytest.approx(stats.norm.sf((1 / 22) / error), rel=1e-5)
    assert comparison.low == pytest.approx(1 / 22 - z * error, rel=1e-5)
    (far,) = compare_with_best(
        best, [dict.fromkeys(range(3), 0.5)], higher=True, limits=FRACTION, noise=noise
    )
    assert far is not None
    assert far.is_significant


def test_the_step_of_counted_examples_is_recognised() -> None:
    assert lattice_step([k / 270 for k in (262, 255, 268, 268, 251)]) == pytest.approx(1 / 270)
    assert lattice_step([0.91, 0.92, 0.95, 0.94, 0.9]) == pytest.approx(0.01)
    assert lattice_step(np.random.default_rng(0).normal(size=50).tolist()) is None
    assert lattice_step([0.5, 0.5]) is None


def test_more_trials_sharpen_the_spread_of_three_seeds() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(size=(10, 3))
    values[0] += 5
    trials = [dict(enumerate(row)) for row in values.tolist()]
    (alone,) = compare_with_best(trials[0], [trials[1]], higher=True)
    among = compare_with_best(trials[0], trials[1:], higher=True)
    assert alone is not None
    assert sum(c is not None and c.is_significant for c in among) >= 7
    # Trials that are not shown contribute to the spread, and to the correction.
    (top,) = compare_with_best(trials[0], [trials[1]], higher=True, trials=10, unshown=trials[2:])
    assert top == among[0]


@pytest.mark.parametrize("higher", [True, False])
def test_the_direction_turns_intervals_around(higher: bool) -> None:
    rng = np.random.default_rng(2)
    values = np.exp(rng.normal(size=(6, 4)) * 0.3) * np.array([0.2, 0.5, 1, 1, 1.1, 2])[:, None]
    trials = [dict(enumerate(row)) for row in (values if not higher else values[::-1]).tolist()]
    for comparison in compare_with_best(trials[0], trials[1:], higher=higher, limits=LOSS):
        assert comparison is not None
        assert comparison.low <= comparison.mean <= comparison.high
        assert (comparison.low > 0) == (comparison.adjusted <= 0.05)
