"""The power of comparisons: against simulations, scipy, cases by hand, and monotonicity."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, nct, t

from nnlab.stats.claim_power import (
    MAX_SEEDS,
    Region,
    claim_power,
    required_seeds,
    spread_claim_power,
    spread_refutation_power,
)
from nnlab.stats.claims import Verdict, assess_claim, assess_spread_claim

POSITIVE = Region(0.0, None)


def simulated_power(n: int, mean: float, region: Region, samples: int = 1000) -> float:
    """The share of samples of normal values that `assess_claim` supports."""
    values = np.random.default_rng(n).normal(mean, 1.0, (samples, n))
    verdicts = [
        assess_claim([float(v) for v in row], above=region.above, below=region.below).verdict
        for row in values
    ]
    return verdicts.count(Verdict.SUPPORTED) / samples


@pytest.mark.parametrize(
    ("n", "mean", "region"),
    [
        (5, 1.0, POSITIVE),
        (5, 2.0, POSITIVE),
        (6, 1.5, POSITIVE),
        (8, 1.0, POSITIVE),
        (8, -1.0, Region(None, 0.0)),
        (10, 0.5, POSITIVE),
        (5, 0.0, Region(-2.0, 2.0)),
        (8, 0.3, Region(-1.2, 1.2)),
        (12, 0.0, Region(-0.7, 0.7)),
    ],
)
def test_both_criteria_together_have_the_simulated_power(
    n: int, mean: float, region: Region
) -> None:
    power = claim_power(n, mean, 1.0, region)
    # Three standard errors of the two simulations.
    assert power == pytest.approx(simulated_power(n, mean, region), abs=0.05)


@pytest.mark.parametrize("n", [10, 13, 30, 300])
@pytest.mark.parametrize("effect", [0.0, 0.2, 0.8, 1.5])
def test_one_bound_is_the_noncentral_t_distribution(n: int, effect: float) -> None:
    critical = t.ppf(0.975, n - 1)
    expected = nct.sf(critical, n - 1, effect * math.sqrt(n))
    assert claim_power(n, effect, 1.0, POSITIVE) == pytest.approx(expected, abs=1e-4)


def test_by_hand() -> None:
    # At the bound, only the 2.5 % above the t interval are supported.
    assert claim_power(20, 0.0, 1.0, POSITIVE) == pytest.approx(0.025, abs=1e-5)
    # Four values never decide, whatever the effect; five of a huge effect always do.
    assert claim_power(4, 100.0, 1.0, POSITIVE) == 0.0
    assert claim_power(5, 100.0, 1.0, POSITIVE) == pytest.approx(1.0)
    # Values without spread lie inside or not.
    assert claim_power(5, 0.1, 0.0, Region(0.0, 0.2)) == 1.0
    assert claim_power(5, 0.2, 0.0, Region(0.0, 0.2)) == 0.0
    # The scale does not matter.
    assert claim_power(8, 0.02, 0.011, Region(0.01, None)) == pytest.approx(
        claim_power(8, 1.0, 1.1, POSITIVE)
    )
    # With known sd this would be Phi(0.5 * sqrt(n) - 1.96): n = 42.03, and t needs a little more.
    assert required_seeds(lambda n: claim_power(n, 0.5, 1.0, POSITIVE)) == 44


def test_a_spread_against_its_definition_and_simulation() -> None:
    n, spread, below = 8, 0.05, 0.15
    expected = chi2.cdf(chi2.ppf(0.025, n - 1) * (below / spread) ** 2, n - 1)
    assert spread_claim_power(n, spread, below) == pytest.approx(expected)
    values = np.random.default_rng(0).normal(1.0, spread, (1000, n))
    verdicts = [assess_spread_claim(list(row), below=below).verdict for row in values]
    share = verdicts.count(Verdict.SUPPORTED) / len(verdicts)
    assert spread_claim_power(n, spread, below) == pytest.approx(share, abs=0.05)


def test_a_large_spread_is_refuted() -> None:
    values = np.random.default_rng(0).normal(1.0, 0.2, (1000, 8))
    verdicts = [assess_spread_claim(list(row), below=0.1).verdict for row in values]
    share = verdicts.count(Verdict.NOT_SUPPORTED) / len(verdicts)
    assert spread_refutation_power(8, 0.2, 0.1) == pytest.approx(share, abs=0.06)
    assert spread_refutation_power(8, 0.1, 0.1) == pytest.approx(0.025)


def test_the_smallest_number_of_seeds_is_smallest() -> None:
    def power(n: int) -> float:
        return claim_power(n, 0.8, 1.0, POSITIVE)

    needed = required_seeds(power)
    assert needed is not None
    assert power(needed) >= 0.9 > power(needed - 1)
    assert required_seeds(power, least=60) == 60
    assert required_seeds(lambda n: claim_power(n, 0.0, 1.0, POSITIVE)) is None
    assert required_seeds(lambda n: float(n == MAX_SEEDS)) == MAX_SEEDS


@given(
    n=st.integers(5, 40),
    effect=st.floats(0.0, 3.0),
    more=st.floats(0.0, 1.0),
    extra=st.integers(0, 20),
)
def test_more_seeds_and_larger_effects_have_more_power(
    n: int, effect: float, more: float, extra: int
) -> None:
    power = claim_power(n, effect, 1.0, POSITIVE)
    tolerance = 0.02 if n < 10 else 1e-5  # of the simulated share
    assert 0.0 <= power <= 1.0
    assert claim_power(n, effect + more, 1.0, POSITIVE) >= power - tolerance
    assert claim_power(n + extra, effect, 1.0, POSITIVE) >= power - tolerance


@given(n=st.integers(10, 60), width=st.floats(0.1, 3.0), shift=st.floats(0.0, 1.0))
def test_wider_regions_have_more_power_and_values_in_the_middle_most(
    n: int, width: float, shift: float
) -> None:
    power = claim_power(n, shift, 1.0, Region(-width, width))
    assert claim_power(n, shift, 1.0, Region(-width, width + 0.5)) >= power - 1e-6
    assert claim_power(n, 0.0, 1.0, Region(-width, width)) >= power - 1e-6
    assert claim_power(n, shift, 1.0, Region(-width, None)) >= power - 1e-6


@given(n=st.integers(2, 60), spread=st.floats(0.01, 1.0))
def test_small_spreads_are_supported_more_often(n: int, spread: float) -> None:
    assert spread_claim_power(n, spread, 0.2) >= spread_claim_power(n, 1.1 * spread, 0.2) - 1e-9
    assert spread_claim_power(n + 1, min(spread, 0.15), 0.2) >= (
        spread_claim_power(n, min(spread, 0.15), 0.2) - 1e-9
    )
