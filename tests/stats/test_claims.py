"""Verdicts on claims: error rates without an effect, power with a clear one."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnlab.stats.claims import Verdict, assess_claim, assess_spread_claim, overall_verdict

DRAWS = 2000


def _verdicts(
    seed: int, n: int, mean: float, *, above: float | None = None, below: float | None = None
) -> list[Verdict]:
    draw = np.random.default_rng(seed)
    rows = draw.normal(mean, 1.0, (DRAWS, n))
    return [assess_claim(list(row), above=above, below=below).verdict for row in rows]


@pytest.mark.parametrize("n", [5, 6, 8])
def test_without_an_effect_a_claim_is_supported_in_at_most_one_of_twenty(n: int) -> None:
    verdicts = _verdicts(0, n, 0.0, above=0.0)
    assert verdicts.count(Verdict.SUPPORTED) <= 0.05 * DRAWS
    assert verdicts.count(Verdict.NOT_SUPPORTED) <= 0.05 * DRAWS


def test_the_share_holds_for_skewed_differences_too() -> None:
    # A difference of two runs is symmetric where nothing is to choose between them.
    draw = np.random.default_rng(2)
    rows = draw.exponential(1.0, (DRAWS, 6)) - draw.exponential(1.0, (DRAWS, 6))
    verdicts = [assess_claim(list(row), above=0.0).verdict for row in rows]
    assert verdicts.count(Verdict.SUPPORTED) <= 0.05 * DRAWS


def test_at_the_margin_equivalence_is_seldom_claimed() -> None:
    draw = np.random.default_rng(3)
    rows = draw.normal(0.1, 0.02, (DRAWS, 8))
    verdicts = [assess_claim(list(row), above=-0.1, below=0.1).verdict for row in rows]
    assert verdicts.count(Verdict.SUPPORTED) <= 0.05 * DRAWS


def test_a_claim_of_two_parts_is_seldom_supported_where_one_is_false() -> None:
    draw = np.random.default_rng(4)
    nothing = draw.normal(0.0, 1.0, (DRAWS, 6))
    clear = draw.normal(9.0, 1.0, (DRAWS, 6))
    verdicts = [
        overall_verdict(
            [assess_claim(list(a), above=0.0).verdict, assess_claim(list(b), above=0.0).verdict]
        )
        for a, b in zip(nothing, clear, strict=True)
    ]
    assert verdicts.count(Verdict.SUPPORTED) <= 0.05 * DRAWS


@pytest.mark.parametrize(
    ("mean", "expected"), [(3.0, Verdict.SUPPORTED), (-3.0, Verdict.NOT_SUPPORTED)]
)
def test_a_clear_effect_is_found(mean: float, expected: Verdict) -> None:
    assert _verdicts(1, 6, mean, above=0.0).count(expected) >= 0.9 * DRAWS


def test_clear_equivalence_is_found_and_so_is_its_opposite() -> None:
    close, far = [0.01, -0.02, 0.0, 0.02, -0.01], [0.5, 0.52, 0.48, 0.51, 0.49]
    assert assess_claim(close, above=-0.1, below=0.1).verdict is Verdict.SUPPORTED
    assert assess_claim(far, above=-0.1, below=0.1).verdict is Verdict.NOT_SUPPORTED


def test_four_seeds_decide_nothing_however_far_out() -> None:
    assert assess_claim([9.0, 9.1, 9.2, 9.3], above=0.0).verdict is Verdict.CANNOT_TELL
    assert assess_claim([9.0, 9.1, 9.2, 9.3, 9.4], above=0.0).verdict is Verdict.SUPPORTED


def test_one_seed_that_stands_apart_keeps_the_exact_test_from_agreeing() -> None:
    # The interval of these six lies above 0, but one of them does not.
    values = [1.0, 1.1, 0.9, 1.0, 1.05, -0.2]
    assessment = assess_claim(values, above=0.0)
    assert assessment.low > 0
    assert assessment.p == 2 / 2**6
    assert assess_claim(values[1:], above=0.0).verdict is Verdict.CANNOT_TELL


def test_no_values_are_no_evidence() -> None:
    assessment = assess_claim([], above=0.0)
    assert (assessment.verdict, assessment.n) == (Verdict.CANNOT_TELL, 0)
    assert math.isnan(assessment.mean)


def test_a_claim_without_a_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="bound"):
        assess_claim([1.0])


@given(st.lists(st.floats(1.0, 2.0), min_size=2, max_size=20))
def test_the_interval_of_a_spread_is_that_of_chi_squared(values: list[float]) -> None:
    assessment = assess_spread_claim(values, below=0.5)
    mean, sd, n = float(np.mean(values)), float(np.std(values, ddof=1)), len(values)
    low, high = (
        sd / mean * math.sqrt((n - 1) / float(stats.chi2.ppf(q, n - 1))) for q in (0.975, 0.025)
    )
    assert (assessment.mean, assessment.low, assessment.high) == pytest.approx(
        (sd / mean, low, high), abs=1e-9
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 1.01, 0.99, 1.0, 1.01], Verdict.SUPPORTED),
        ([1.0, 2.0, 0.5, 3.0, 0.2], Verdict.NOT_SUPPORTED),
        ([1.0], Verdict.CANNOT_TELL),
        ([-1.0, 1.0], Verdict.CANNOT_TELL),
    ],
)
def test_a_spread_is_judged(values: list[float], expected: Verdict) -> None:
    assert assess_spread_claim(values, below=0.1).verdict is expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["supported", "supported"], "supported"),
        (["supported", "cannot tell"], "cannot tell"),
        (["cannot tell", "not supported", "supported"], "not supported"),
        ([], "cannot tell"),
    ],
)
def test_all_comparisons_must_hold(verdicts: list[str], expected: str) -> None:
    assert overall_verdict(map(Verdict, verdicts)) == expected


def test_the_interval_of_an_accuracy_stays_below_one() -> None:
    """The plain t interval of these would end at 1.02."""
    values = [0.96, 0.99, 0.90, 1.0, 0.99]
    assert assess_claim(values, above=0.5).high == pytest.approx(1.02, abs=0.005)
    bounded = assess_claim(values, above=0.5, limits=(0.0, 1.0))
    assert bounded.mean < bounded.high < 1
    assert bounded.verdict is Verdict.SUPPORTED
