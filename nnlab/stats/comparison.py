"""One setting against the best of several: the difference, a test, and how sure that is.

Where the seeds are shared the comparison is paired by seed: what a seed does to both (the order
of the examples, the split of the data) cancels. Else Welch's test is used.

The best was chosen for its mean, so comparing it with the rest looks at the largest of all
differences. Every comparison with the best is one of the K(K-1)/2 pairs: corrected for all pairs
(Holm 1979), the chance that any two equal settings are told apart is at most the level.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate, count

from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.multiple_testing import holm_adjust
from nnlab.stats.paired import (
    CONFIDENCE_LEVEL,
    MAX_EXACT_PAIRS,
    mean_and_half_width,
    paired_t_p,
    sample_sd,
    sign_flip_p,
)
from nnlab.stats.student_t import t_quantile, two_sided_p

# With fewer seeds a t test's estimate of the spread is too uncertain to base a verdict on it.
MIN_T_TEST_SEEDS = 4

# Differences that vary by less than this share of the values differ by rounding alone.
_ROUNDING = 1e-12

# Chance to see a difference that is there, which a number of seeds is to give.
POWER = 0.8
_SIMULATIONS, _MAX_SEEDS = 400, 100


class PairedTest(StrEnum):
    """How two settings on the same seeds are tested."""

    __test__ = False  # not one of pytest's

    SIGN_FLIP = "sign-flip"
    T = "t"


@dataclass(frozen=True, slots=True)
class BestComparison:
    """The best less another setting, positive where the best is better; in the metric's unit.

    `n` are the seeds compared (of an unpaired comparison the fewer of both), `low` and `high`
    bound `mean` at 95 %, `p` is two-sided, `adjusted` by Holm for all pairs of the table.
    `effect` is the mean in sds (paired: of the differences; else pooled, Hedges 1981), `better`
    the probability that a run of the best beats a run of the other. `needed` is how many seeds
    would tell a difference such as this in four of five studies: predicted for the first that
    cannot be told, None for the others and where nobody can say.

    `fewest` is the number of seeds from which on the test can decide at all: a t test from
    `MIN_T_TEST_SEEDS` on, an exact test where it can reach the significance level. Where all
    differences are equal no t test is possible: the exact test is used, and the interval is NaN.
    """

    n: int
    paired: bool
    mean: float
    low: float
    high: float
    p: float
    adjusted: float
    effect: float
    better: float
    needed: int | None
    min_seeds: int = 2

    @property
    def has_enough_seeds(self) -> bool:
        """Whether there are seeds enough for the test to decide."""
        return self.n >= self.min_seeds

    @property
    def told(self) -> bool:
        """Whether the two differ significantly."""
        return self.has_enough_seeds and self.adjusted <= SIGNIFICANCE_LEVEL


SeedValues = Mapping[int, float]


def compare_with_best(
    best: SeedValues,
    others: Sequence[SeedValues],
    *,
    higher: bool,
    test: PairedTest = PairedTest.T,
    trials: int | None = None,
    predict: bool = True,
) -> tuple[BestComparison | None, ...]:
    """Compares the best of a table with each of the others, by seed.

    Args:
        best: the value of each seed.
        others: the same of the others; None is answered where fewer than two values are finite.
        higher: whether higher values are better.
        test: for seeds that are shared.
        trials: how many the best is the best of, where not all of them are given.
        predict: whether to simulate how many seeds would tell the first that cannot be told.
    """
    sign = 1.0 if higher else -1.0
    first = {seed: sign * value for seed, value in best.items()}
    seconds = [{seed: sign * value for seed, value in other.items()} for other in others]
    raw = [_compare_pair(first, second, test) for second in seconds]
    known = [one for one in raw if one is not None]
    table = max(trials or 0, len(others) + 1)
    pairs = table * (table - 1) // 2
    adjusted = iter(holm_adjust([one.p for one in known], pairs))
    found = [
        None if one is None else _finish_comparison(one, next(adjusted), test, pairs) for one in raw
    ]
    return _add_seeds_needed(found, raw, test, pairs) if predict else tuple(found)


@dataclass(frozen=True, slots=True)
class _RawComparison:
    differences: Sequence[float]  # of paired seeds
    n: int
    mean: float
    low: float
    high: float
    p: float
    effect: float
    better: float
    equal: bool = False  # all differences, up to rounding


def _compare_pair(first: SeedValues, second: SeedValues, test: PairedTest) -> _RawComparison | None:
    a = [value for value in first.values() if math.isfinite(value)]
    b = [value for value in second.values() if math.isfinite(value)]
    shared = [
        seed
        for seed in first
        if seed in second and math.isfinite(first[seed]) and math.isfinite(second[seed])
    ]
    if len(shared) >= 2:
        differences = [first[seed] - second[seed] for seed in shared]
        improved = improvement_probability(a, b)
        if _equal_up_to_rounding(differences, [*a, *b]):
            mean = 0.0 if _equal_up_to_rounding([0.0, *differences], [*a, *b]) else differences[0]
            p = sign_flip_p([mean] * len(shared))
            effect = _standardised(mean, 0.0)
            same = [mean] * len(shared)
            return _RawComparison(
                same, len(shared), mean, math.nan, math.nan, p, effect, improved, equal=True
            )
        mean, half = mean_and_half_width(differences)
        p = sign_flip_p(differences) if test is PairedTest.SIGN_FLIP else paired_t_p(differences)
        effect = _standardised(mean, sample_sd(differences))
        low, high = mean - half, mean + half
        return _RawComparison(differences, len(shared), mean, low, high, p, effect, improved)
    if len(a) < 2 or len(b) < 2:
        return None
    return _welch(a, b)


def _equal_up_to_rounding(values: Sequence[float], computed_from: Sequence[float]) -> bool:
    """Whether values differ by no more than the rounding error of what they were computed from."""
    return max(values) - min(values) <= _ROUNDING * max(map(abs, computed_from))


def _min_decidable_seeds(raw: _RawComparison, test: PairedTest, pairs: int) -> int:
    """The seeds from which on a comparison of this kind can be significant, pairs corrected for."""
    if raw.equal and raw.n >= MIN_T_TEST_SEEDS:
        return (
            _min_group_size(pairs)
            if not raw.differences
            else min_significant_seeds(PairedTest.SIGN_FLIP, pairs)
        )
    if test is PairedTest.SIGN_FLIP and raw.differences and raw.n <= MAX_EXACT_PAIRS:
        return min_significant_seeds(PairedTest.SIGN_FLIP, pairs)
    return MIN_T_TEST_SEEDS


def _min_group_size(tests: int) -> int:
    """The seeds of each of two groups that separate wholly for an exact test to be significant."""
    return next(n for n in count(2) if 2 / math.comb(2 * n, n) * tests <= SIGNIFICANCE_LEVEL)


def _finish_comparison(
    raw: _RawComparison, adjusted: float, test: PairedTest, pairs: int
) -> BestComparison:
    return BestComparison(
        raw.n,
        bool(raw.differences),
        raw.mean,
        raw.low,
        raw.high,
        raw.p,
        adjusted,
        raw.effect,
        raw.better,
        None,
        _min_decidable_seeds(raw, test, pairs),
    )


def _add_seeds_needed(
    found: Sequence[BestComparison | None],
    raw: Sequence[_RawComparison | None],
    test: PairedTest,
    pairs: int,
) -> tuple[BestComparison | None, ...]:
    """Adds how many seeds would tell the first that cannot be told from the best."""
    answered = list(found)
    for place, (one, its) in enumerate(zip(found, raw, strict=True)):
        if one is not None and its is not None and not one.told:
            needed = predict_seeds_needed(its.differences, test=test, tests=pairs)
            answered[place] = replace(one, needed=needed)
            break
    return tuple(answered)


def improvement_probability(a: Sequence[float], b: Sequence[float]) -> float:
    """The probability that a value of `a` is above one of `b`; a tie counts one half.

    Mann and Whitney 1947, as the probability of improvement of Agarwal et al. 2021.

    >>> improvement([1.0, 2.0], [0.0, 2.0])
    0.625
    """
    wins = sum((x > y) + 0.5 * (x == y) for x in a for y in b)
    return wins / (len(a) * len(b))


def min_significant_seeds(test: PairedTest, tests: int = 1) -> int:
    """The number of shared seeds below which no result whatever is called significant.

    >>> fewest_seeds(Test.SIGN_FLIP), fewest_seeds(Test.SIGN_FLIP, 6)
    (6, 8)
    """
    if test is PairedTest.T:
        return MIN_T_TEST_SEEDS
    return math.ceil(math.log2(2 * tests / SIGNIFICANCE_LEVEL) - 1e-9)


def predict_seeds_needed(
    differences: Sequence[float], *, test: PairedTest = PairedTest.T, tests: int = 1
) -> int | None:
    """How many seeds would tell a difference like that found, with a chance of 80 %.

    By simulation: normal differences with the mean and sd that were found, tested at the level
    divided by the number of tests. None above 100, where the means are equal, and below two
    differences. The sign-flip test is taken to need as many as the t test, and the fewest that
    it can tell anything with: for normal differences it is as good as that.
    """
    if len(differences) < 2:
        return None
    mean, sd = math.fsum(differences) / len(differences), sample_sd(differences)
    if mean == 0:
        return None
    if sd <= _ROUNDING * abs(mean):
        return min_significant_seeds(
            PairedTest.SIGN_FLIP, tests
        )  # no t test of equal differences is possible
    least = min_significant_seeds(test, tests)
    draw = random.Random(0)  # noqa: S311  a simulation
    studies = [_simulated_sums(mean, sd, draw) for _ in range(_SIMULATIONS)]

    def enough(n: int) -> bool:
        """Whether so many seeds give the power; more of them never give less."""
        edge = t_quantile(n - 1, 1 - SIGNIFICANCE_LEVEL / tests / 2)
        seen = sum(_t_statistic(study, n) * math.copysign(1, mean) >= edge for study in studies)
        return seen >= POWER * _SIMULATIONS

    if not enough(_MAX_SEEDS):
        return None
    low, high = least - 1, _MAX_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _simulated_sums(mean: float, sd: float, draw: random.Random) -> tuple[list[float], list[float]]:
    """The running sums of normal differences, and of their squares."""
    values = [draw.gauss(mean, sd) for _ in range(_MAX_SEEDS)]
    return list(accumulate(values)), list(accumulate(value * value for value in values))


def _t_statistic(study: tuple[list[float], list[float]], n: int) -> float:
    """The t of the first n differences of a study."""
    total, squares = study[0][n - 1], study[1][n - 1]
    variance = max(squares - total * total / n, 1e-300) / (n - 1)
    return total / math.sqrt(n * variance)


def _welch(a: Sequence[float], b: Sequence[float]) -> _RawComparison:
    mean = math.fsum(a) / len(a) - math.fsum(b) / len(b)
    errors = [sample_sd(values) ** 2 / len(values) for values in (a, b)]
    equal = _equal_up_to_rounding(a, a) and _equal_up_to_rounding(b, b)
    if equal:
        # Welch's t is undefined: of all ways to deal out the values two are as far apart.
        if _equal_up_to_rounding([mean, 0.0], [*a, *b]):
            mean, p = 0.0, 1.0
        else:
            p = min(1.0, 2 / math.comb(len(a) + len(b), len(a)))
        low = high = math.nan
    else:
        # Welch 1947: degrees of freedom of two variances that may differ.
        parts = (error**2 / (len(v) - 1) for error, v in zip(errors, (a, b), strict=True))
        welch = sum(errors) ** 2 / sum(parts)
        error = math.sqrt(sum(errors))
        p = two_sided_p(mean / error, welch)
        half = t_quantile(welch, (1 + CONFIDENCE_LEVEL) / 2) * error
        low, high = mean - half, mean + half
    freedom = len(a) + len(b) - 2
    pooled = math.sqrt(
        ((len(a) - 1) * sample_sd(a) ** 2 + (len(b) - 1) * sample_sd(b) ** 2) / freedom
    )
    hedges = 1 - 3 / (4 * freedom - 1)
    n = min(len(a), len(b))
    effect = _standardised(mean, 0.0) if equal else hedges * _standardised(mean, pooled)
    return _RawComparison(
        (), n, mean, low, high, p, effect, improvement_probability(a, b), equal=equal
    )


def _standardised(mean: float, sd: float) -> float:
    if sd > 0:
        return mean / sd
    return 0.0 if mean == 0 else math.copysign(math.inf, mean)
