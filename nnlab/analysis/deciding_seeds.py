"""How many seeds decide a comparison: by the pilot before a study, by its own values after it.

Used by reports, by the commands that print a verdict, and by the page of the built-in studies.
"""

import math
from collections.abc import Callable
from functools import partial

from nnlab.analysis.pair_metrics import compares_pairs
from nnlab.analysis.verdict import ComparisonResult, StudyVerdict
from nnlab.io.text import format_count
from nnlab.records import Comparison
from nnlab.stats.claim_power import (
    MAX_SEEDS,
    MIN_SEEDS,
    Region,
    claim_power,
    required_seeds,
    spread_claim_power,
    spread_refutation_power,
)
from nnlab.stats.claims import Verdict

_SUFFICIENT_TEXT = "probability .9"


def planned_power(comparison: Comparison, n: int) -> float | None:
    """The probability that n seeds support a comparison if the value is the expected one.

    Of a comparison of pairs of runs, n seeds are n / 2 values. None if the expected value, or its
    standard deviation in the pilot, is not stated.
    """
    power = _planned_power_of_seeds(comparison)
    return None if power is None else power(n // _seeds_per_value(comparison))


def planned_seeds(comparison: Comparison) -> int | None:
    """The smallest number of seeds with a planned power of 0.9; None if none is known."""
    power = _planned_power_of_seeds(comparison)
    values = None if power is None else required_seeds(power)
    return None if values is None else values * _seeds_per_value(comparison)


def planned_power_text(comparison: Comparison, n: int) -> str:
    """What n seeds were expected to find, in a sentence without its end; empty if not stated.

    For example `8 seeds find +0.02 with probability .93 (pilot sd 0.0145; 0.02 is the size reported
    by Srivastava et al. 2014)`.
    """
    power = planned_power(comparison, n)
    if power is None or comparison.expected is None:
        return ""
    origin = comparison.expected_from.strip().rstrip(".")
    pilot = "" if comparison.pilot_sd is None else f"pilot sd {comparison.pilot_sd:.3g}; "
    quantity, probability = (
        format_quantity(comparison, comparison.expected),
        format_probability(power),
    )
    # A value that is claimed to lie between two bounds is not found, but confined.
    if comparison.above is not None and comparison.below is not None:
        text = f"{format_count(n, 'seed')} confine {quantity} to these bounds"
    else:
        text = f"{format_count(n, 'seed')} find {quantity}"
    return f"{text} with probability {probability} ({pilot}{origin})"


def undecided_texts(study_verdict: StudyVerdict) -> tuple[str, ...]:
    """What would decide each comparison whose verdict is "cannot tell", with its statement.

    Empty while runs are missing: they may decide.
    """
    if study_verdict.unfinished:
        return ()
    return tuple(
        f"{result.comparison.says}: {undecided_text(result)}"
        for result in study_verdict.results
        if result.test.verdict is Verdict.CANNOT_TELL
    )


def undecided_text(result: ComparisonResult) -> str:
    """What would decide a comparison whose verdict is "cannot tell", without a full stop."""
    comparison, test = result.comparison, result.test
    if test.n < MIN_SEEDS and not (comparison.scale == "spread" and test.n >= 2):
        return (
            f"at least {MIN_SEEDS} {_unit(comparison)}s with a number are needed, and"
            f" {test.n} of {test.n + result.missing} have one"
        )
    if not math.isfinite(test.mean) or not math.isfinite(result.sd):
        return "its value is undefined, so more seeds would not decide"
    texts = [_observed_text(result), _expected_text(result)]
    return "; ".join(text for text in texts if text)


def _observed_text(result: ComparisonResult) -> str:
    """How many seeds decide if the true value is the observed one."""
    comparison, test = result.comparison, result.test
    observed = format_quantity(comparison, test.mean).removeprefix("a ")
    supports, power, bound = _power_of_observed(result)
    if power is None:
        return f"the value is exactly the bound {bound:.3g}, so more seeds would not decide"
    distance = _distance_text(comparison, test.mean, bound)
    side = "inside" if supports else "outside"
    start = f"the observed {observed} is {distance} {side} the bound {bound:.3g}"
    needed = required_seeds(power, least=test.n + 1)
    verb = "support" if supports else "refute"
    if needed is None:
        return (
            f"{start}, and even {MAX_SEEDS:,} {_unit(comparison)}s would not {verb} the comparison"
            " surely"
        )
    return (
        f"{start}, so {format_count(needed - test.n, f'more {_unit(comparison)}')} ({needed} in"
        f" all) would {verb} the comparison with {_SUFFICIENT_TEXT} if that is the true value"
    )


def _unit(comparison: Comparison) -> str:
    """What a value belongs to."""
    return "pair" if compares_pairs(comparison) else "seed"


def _seeds_per_value(comparison: Comparison) -> int:
    return 2 if compares_pairs(comparison) else 1


def _distance_text(comparison: Comparison, value: float, bound: float) -> str:
    if comparison.scale == "ratio":
        factor = max(value / bound, bound / value)
        return f"a factor of {factor:.3g}"
    return f"{abs(value - bound):.2g}"


def _power_of_observed(
    result: ComparisonResult,
) -> tuple[bool, Callable[[int], float] | None, float]:
    """Whether the observed value supports the comparison, the power by seeds, the nearest bound.

    The power is None if the value is exactly a bound.
    """
    comparison, test, sd = result.comparison, result.test, result.sd
    if comparison.scale == "spread":
        below = _bound(comparison.below)
        if test.mean == below:
            return False, None, below
        supports = test.mean < below
        power = spread_claim_power if supports else spread_refutation_power
        return supports, lambda n: power(n, test.mean, below), below
    mean, region = _scaled(comparison, test.mean), _region(comparison)
    bounds = [bound for bound in (comparison.above, comparison.below) if bound is not None]
    nearest = min(bounds, key=lambda bound: abs(mean - _scaled(comparison, bound)))
    edge = _scaled(comparison, nearest)
    if mean == edge:
        return False, None, nearest
    supports = True
    if region.above is not None and mean < region.above:
        supports, region = False, Region(None, region.above)
    elif region.below is not None and mean > region.below:
        supports, region = False, Region(region.below, None)
    return supports, partial(_power, mean=mean, sd=sd, region=region), nearest


def _expected_text(result: ComparisonResult) -> str:
    """How surely the present seeds would have found the expected value, with their own spread."""
    comparison, n = result.comparison, result.test.n
    if comparison.expected is None:
        return ""
    power = _power_of_seeds(comparison, comparison.expected, result.sd)(n)
    return (
        f"if it is {format_quantity(comparison, comparison.expected)} as expected, the present"
        f" {format_count(n, _unit(comparison))} would have found it with probability"
        f" {format_probability(power)}"
    )


def _planned_power_of_seeds(comparison: Comparison) -> Callable[[int], float] | None:
    if comparison.expected is None:
        return None
    if comparison.scale == "spread":
        return _power_of_seeds(comparison, comparison.expected, 0.0)
    if comparison.pilot_sd is None:
        return None
    return _power_of_seeds(comparison, comparison.expected, comparison.pilot_sd)


def _power_of_seeds(comparison: Comparison, value: float, sd: float) -> Callable[[int], float]:
    """The power of a comparison by its number of seeds, if this is the true value."""
    if comparison.scale == "spread":
        below = _bound(comparison.below)
        return lambda n: spread_claim_power(n, value, below)
    mean = _scaled(comparison, value)
    return partial(_power, mean=mean, sd=sd, region=_region(comparison))


def _power(n: int, *, mean: float, sd: float, region: Region) -> float:
    return claim_power(n, mean, sd, region)


def _region(comparison: Comparison) -> Region:
    """The claimed region on the scale of the test: of logarithms for ratios."""
    above, below = (
        None if bound is None else _scaled(comparison, bound)
        for bound in (comparison.above, comparison.below)
    )
    return Region(above, below)


def _scaled(comparison: Comparison, value: float) -> float:
    return math.log(value) if comparison.scale == "ratio" else value


def _bound(bound: float | None) -> float:
    if bound is None:
        raise ValueError("a comparison of spreads needs the bound `below`")
    return bound


def format_quantity(comparison: Comparison, value: float) -> str:
    """The compared value in a sentence: `+0.02`, `a factor of 1.5`, `a spread of 0.1`, `0.3`."""
    match comparison.scale:
        case "ratio":
            return f"a factor of {value:.3g}"
        case "spread":
            return f"a spread of {value:.3g}"
        case "correlation":
            return f"a rank correlation of {value:.3g}"
    return f"{value:+.3g}" if len(comparison.arms) > 1 else f"{value:.3g}"


def format_probability(probability: float) -> str:
    """A probability with two decimals, never rounded to 0 or 1.

    >>> format_probability(0.934), format_probability(0.9999), format_probability(0.001)
    ('.93', 'above .99', 'below .01')
    """
    if probability > 0.99:
        return "above .99"
    return "below .01" if probability < 0.01 else f"{probability:.2f}".removeprefix("0")
