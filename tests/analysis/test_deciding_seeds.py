"""What the reports say about power: before a study by its pilot, after it by its own values."""

import math
from dataclasses import replace

import pytest

from nnlab.analysis.deciding_seeds import (
    planned_power,
    planned_power_text,
    planned_seeds,
    undecided_text,
    undecided_texts,
)
from nnlab.analysis.verdict import ComparisonResult, StudyVerdict
from nnlab.records import Comparison
from nnlab.stats.claim_power import Region, claim_power, required_seeds, spread_claim_power
from nnlab.stats.claims import ClaimTest, Verdict, assess_claim, assess_spread_claim
from nnlab.stats.paired import sample_sd

HIGHER = Comparison(
    "b is better", "test/accuracy", "selected", "difference", ("b", "a"), 0.0, None,
    expected=0.02, expected_from="the size reported by A et al. 2014", pilot_sd=0.014,
)  # fmt: skip


def result(comparison: Comparison, values: list[float], missing: int = 0) -> ComparisonResult:
    """The result of values on the scale of the test: logarithms for ratios."""
    above, below = comparison.above, comparison.below
    if comparison.scale == "ratio":
        above, below = (bound if bound is None else math.log(bound) for bound in (above, below))
    if comparison.scale == "spread":
        test = assess_spread_claim(values, below=comparison.below or 0.0)
    else:
        test = assess_claim(values, above=above, below=below)
    if comparison.scale == "ratio":
        test = replace(test, mean=math.exp(test.mean))
    sd = sample_sd(values) if len(values) > 1 else math.nan
    return ComparisonResult(comparison, test, (), missing, sd)


def test_the_planned_power_is_that_of_the_pilot() -> None:
    power = claim_power(8, 0.02, 0.014, Region(0.0, None))
    assert planned_power(HIGHER, 8) == pytest.approx(power)
    assert planned_power_text(HIGHER, 8) == (
        "8 seeds find +0.02 with probability .93"
        " (pilot sd 0.014; the size reported by A et al. 2014)"
    )
    assert planned_seeds(HIGHER) == 8
    assert planned_power(HIGHER, 7) == pytest.approx(0.88, abs=0.01)


def test_without_an_expectation_there_is_no_planned_power() -> None:
    for change in ({"expected": None, "expected_from": ""}, {"pilot_sd": None}):
        comparison = replace(HIGHER, **change)
        assert planned_power(comparison, 8) is None
        assert planned_seeds(comparison) is None
        assert planned_power_text(comparison, 8) == ""


def test_ratios_are_planned_on_the_logarithm() -> None:
    ratio = replace(HIGHER, scale="ratio", above=1.5, expected=3.0, pilot_sd=0.5)
    expected = claim_power(9, math.log(3.0), 0.5, Region(math.log(1.5), None))
    assert planned_power(ratio, 9) == pytest.approx(expected)
    assert planned_power_text(ratio, 9).startswith("9 seeds find a factor of 3 with")


def test_equivalence_confines_the_value() -> None:
    same = replace(HIGHER, above=-0.03, below=0.03, expected=0.0)
    assert planned_power(same, 8) == pytest.approx(claim_power(8, 0.0, 0.014, Region(-0.03, 0.03)))
    assert "8 seeds confine +0 to these bounds with probability" in planned_power_text(same, 8)


def test_a_spread_needs_no_pilot_sd() -> None:
    spread = replace(
        HIGHER, scale="spread", arms=("a",), above=None, below=0.2, expected=0.08, pilot_sd=None
    )
    assert planned_power(spread, 8) == pytest.approx(spread_claim_power(8, 0.08, 0.2))


def test_a_value_inside_the_region_says_how_many_seeds_would_support_it() -> None:
    values = [0.012, -0.010, 0.020, -0.006, 0.008, -0.004, 0.010, 0.002]
    undecided = result(HIGHER, values)
    assert undecided.test.verdict is Verdict.CANNOT_TELL
    sd, mean = sample_sd(values), sum(values) / 8
    needed = required_seeds(lambda n: claim_power(n, mean, sd, Region(0.0, None)))
    assert needed is not None
    power = claim_power(8, 0.02, sd, Region(0.0, None))
    assert undecided_text(undecided) == (
        f"the observed +0.004 is 0.004 inside the bound 0, so {needed - 8} more seeds"
        f" ({needed} in all) would support the comparison with probability .9 if that is the true"
        " value; if it is +0.02 as expected, the present 8 seeds would have found it with"
        f" probability {f'{power:.2f}'[1:] if power <= 0.99 else 'above .99'}"
    )


def test_a_value_outside_says_how_many_seeds_would_refute_it() -> None:
    values = [-0.012, 0.010, -0.020, 0.006, -0.008, 0.004, -0.010, -0.002]
    text = undecided_text(result(replace(HIGHER, expected=None), values))
    assert text.startswith("the observed -0.004 is 0.004 outside the bound 0, so ")
    assert text.endswith(
        "would refute the comparison with probability .9 if that is the true value"
    )


def test_of_two_bounds_the_nearest_one_is_named() -> None:
    same = replace(HIGHER, above=-0.01, below=0.01, expected=None)
    text = undecided_text(result(same, [0.03, -0.01, 0.02, 0.0, 0.016, 0.004]))
    assert "the observed +0.01" not in text or "bound 0.01" in text
    inside = undecided_text(result(same, [0.03, -0.02, 0.01, 0.0, 0.016, -0.012]))
    assert "the observed +0.004 is 0.006 inside the bound 0.01" in inside


def test_ratios_are_factors() -> None:
    ratio = replace(HIGHER, scale="ratio", above=1.0, expected=2.0)
    text = undecided_text(result(ratio, [0.5, -0.4, 0.6, -0.2, 0.3, -0.1]))
    assert text.startswith("the observed factor of 1.12 is a factor of 1.12 inside the bound 1, so")
    assert "if it is a factor of 2 as expected, the present 6 seeds" in text


def test_spreads() -> None:
    spread = replace(
        HIGHER, scale="spread", arms=("a",), above=None, below=0.1, expected=None, expected_from=""
    )
    text = undecided_text(result(spread, [1.0, 1.1, 0.95, 1.05, 0.9]))
    assert text.startswith("the observed spread of 0.0791 is 0.021 inside the bound 0.1, so ")
    above = undecided_text(result(spread, [1.0, 1.2, 0.85, 1.1, 0.9]))
    assert "outside the bound 0.1" in above
    assert "would refute" in above


def test_a_tiny_effect_says_that_no_usual_number_decides() -> None:
    values = [0.5, -0.5, 0.4, -0.4, 0.3, -0.299999]
    text = undecided_text(result(replace(HIGHER, expected=None), values))
    assert "and even 1,000 seeds would not support the comparison surely" in text


def test_too_few_or_equal_values() -> None:
    few = result(HIGHER, [0.1, 0.2, 0.3], missing=5)
    assert undecided_text(few) == "at least 5 seeds with a number are needed, and 3 of 8 have one"
    assert "0 of 8" in undecided_text(result(HIGHER, [], missing=8))
    equal = result(HIGHER, [0.0] * 8)
    assert undecided_text(equal) == (
        "the value is exactly the bound 0, so more seeds would not decide; if it is +0.02 as"
        " expected, the present 8 seeds would have found it with probability above .99"
    )


def test_only_undecided_comparisons_of_finished_studies_are_named() -> None:
    undecided = result(HIGHER, [0.1, -0.1, 0.1, -0.1, 0.1])
    decided = ComparisonResult(HIGHER, ClaimTest(Verdict.SUPPORTED, 8, 1, 0.5, 1.5, 0.01), (), 0)
    verdict = StudyVerdict(Verdict.CANNOT_TELL, (undecided, decided), {}, 0)
    (text,) = undecided_texts(verdict)
    assert text.startswith("b is better: the observed +0.02 is")
    assert undecided_texts(replace(verdict, unfinished=1)) == ()
