"""Comparison of methods by their ranks within blocks (Demšar 2006).

Friedman's test (1937) decides whether the methods differ at all; only then Nemenyi's test (1963)
decides which pairs do. The blocks must be independent: data sets, or the seeds of one data set.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import permutations

from nnlab.stats.claims import SIGNIFICANCE_LEVEL

# Sums of ranks that are counted for a block of the exact test; it then takes a tenth of a second.
_MAX_EXACT_SUMS = 100_000
_PERMUTATIONS = 20_000

# A result within a block: of two results, the smaller tuple is the better one.
RankKey = tuple[float, ...]


class FriedmanMethod(StrEnum):
    """How the p value of Friedman's test was computed.

    The usual F and chi squared approximations reject too often or too rarely with few blocks.
    """

    EXACT = "exact"
    PERMUTATION = "permutation"


@dataclass(frozen=True, slots=True)
class RankComparison:
    """Methods by their average rank over blocks, best (lowest) first.

    `chi2` is Friedman's statistic, corrected for ties, and `f` that of Iman and Davenport (1980),
    infinite if all blocks agree. `p` is computed by `method`. Average ranks that differ by at least
    `critical_difference` differ significantly (Nemenyi), provided that p does not exceed the
    significance level. `groups` are the first and last index of the largest groups of methods that
    do not differ. `min_blocks` is the smallest number of blocks at which Nemenyi's test can find a
    difference.
    """

    names: tuple[str, ...]
    ranks: tuple[float, ...]
    blocks: int
    chi2: float
    f: float
    p: float
    method: FriedmanMethod
    critical_difference: float
    groups: tuple[tuple[int, int], ...]
    min_blocks: int

    @property
    def is_significant(self) -> bool:
        """Whether Friedman's test finds that the methods differ."""
        return self.p <= SIGNIFICANCE_LEVEL


def compare_average_ranks(results: Mapping[str, Sequence[RankKey]]) -> RankComparison:
    """The methods by their average rank over blocks, and the tests of their differences.

    Args:
        results: the results of each method, one for each block, all in the order of the blocks.

    Raises:
        ValueError: there are fewer than three methods, or fewer than two blocks.
    """
    names = list(results)
    blocks = [_ranks_of_block(keys) for keys in zip(*results.values(), strict=True)]
    if len(names) < 3:
        raise ValueError("ranks of fewer than three methods say no more than a paired test")
    if len(blocks) < 2:
        raise ValueError("average ranks need at least two blocks")
    sums = [math.fsum(ranks) for ranks in zip(*blocks, strict=True)]
    average = {name: total / len(blocks) for name, total in zip(names, sums, strict=True)}
    order = sorted(names, key=average.__getitem__)
    ranks = [average[name] for name in order]
    chi2 = _friedman_chi2(blocks, sums)
    f = _iman_davenport_f(chi2, len(names), len(blocks))
    exact = _exact_p(blocks, sums)
    p = _permutation_p(blocks, sums) if exact is None else exact
    difference = nemenyi_critical_difference(len(names), len(blocks))
    return RankComparison(
        tuple(order),
        tuple(ranks),
        len(blocks),
        chi2,
        f,
        p,
        FriedmanMethod.PERMUTATION if exact is None else FriedmanMethod.EXACT,
        difference,
        _groups(ranks, difference if p <= SIGNIFICANCE_LEVEL else math.inf),
        _min_blocks(len(names)),
    )


def nemenyi_critical_difference(methods: int, blocks: int) -> float:
    """The smallest significant difference of two average ranks (Nemenyi 1963).

    >>> round(nemenyi_critical_difference(4, 14), 2)  # Demšar 2006, section 3.2.2
    1.25
    """
    return _nemenyi_quantile(methods) * math.sqrt(methods * (methods + 1) / (6 * blocks))


@cache
def _nemenyi_quantile(methods: int) -> float:
    # Here, because importing scipy takes longer than most commands.
    from scipy.stats import studentized_range

    quantile = studentized_range.ppf(1 - SIGNIFICANCE_LEVEL, methods, math.inf)
    return float(quantile) / math.sqrt(2)


def _min_blocks(methods: int) -> int:
    """The smallest number of blocks with a critical difference below the largest difference."""
    exact = _nemenyi_quantile(methods) ** 2 * methods * (methods + 1) / (6 * (methods - 1) ** 2)
    return max(2, math.ceil(exact))


def _ranks_of_block(keys: Sequence[RankKey]) -> list[float]:
    """The rank of each result, from 1 for the best; equal results share the mean of their ranks."""
    ordered = sorted(keys)
    counts = Counter(keys)
    return [ordered.index(key) + (counts[key] + 1) / 2 for key in keys]


def _friedman_chi2(blocks: Sequence[Sequence[float]], sums: Sequence[float]) -> float:
    """Friedman's statistic, corrected for ties; 0 if all results of all blocks are equal."""
    n, k = len(blocks), len(sums)
    ties = sum(count**3 - count for block in blocks for count in Counter(block).values())
    correction = 1 - ties / (n * k * (k * k - 1))
    if correction <= 0:
        return 0.0
    squares = math.fsum(total * total for total in sums)
    return max(0.0, (12 / (n * k * (k + 1)) * squares - 3 * n * (k + 1)) / correction)


def _iman_davenport_f(chi2: float, methods: int, blocks: int) -> float:
    rest = blocks * (methods - 1) - chi2
    return (blocks - 1) * chi2 / rest if rest > 1e-9 * blocks else math.inf


def _exact_p(blocks: Sequence[Sequence[float]], sums: Sequence[float]) -> float | None:
    """The share of all permutations of the ranks within blocks that are at least as extreme.

    The distribution of the sums of ranks is built block by block. It does not depend on the order
    of the methods, so only sorted sums are stored. None if there are too many of them.
    """
    counts: dict[tuple[int, ...], float] = {(0,) * len(sums): 1.0}
    for block in blocks:
        # Twice the ranks are whole numbers, so sums are compared exactly.
        doubled = [round(2 * rank) for rank in block]
        if math.factorial(len(sums)) * len(counts) > _MAX_EXACT_SUMS:
            return None
        arrangements = Counter(permutations(doubled))
        total = math.factorial(len(sums))
        following: dict[tuple[int, ...], float] = {}
        for previous, share in counts.items():
            for arrangement, count in arrangements.items():
                key = tuple(sorted(a + b for a, b in zip(previous, arrangement, strict=True)))
                following[key] = following.get(key, 0.0) + share * count / total
        counts = following
    observed = sum(round(2 * total) ** 2 for total in sums)
    return min(
        1.0,
        math.fsum(
            share for key, share in counts.items() if sum(value**2 for value in key) >= observed
        ),
    )


def _permutation_p(blocks: Sequence[Sequence[float]], sums: Sequence[float]) -> float:
    """The share of random permutations that are at least as extreme, never 0."""
    import numpy as np  # here for the same reason

    rng = np.random.default_rng(0)
    totals = np.zeros((_PERMUTATIONS, len(sums)), dtype=np.int64)
    for block in blocks:
        doubled = np.array([round(2 * rank) for rank in block])
        totals += rng.permuted(np.tile(doubled, (_PERMUTATIONS, 1)), axis=1)
    observed = sum(round(2 * total) ** 2 for total in sums)
    extreme = int(((totals**2).sum(axis=1) >= observed).sum())
    return (extreme + 1) / (_PERMUTATIONS + 1)


def _groups(ranks: Sequence[float], critical_difference: float) -> tuple[tuple[int, int], ...]:
    """The first and last index of each group that lies in no other group; at least two members."""
    groups: list[tuple[int, int]] = []
    for first, rank in enumerate(ranks):
        last = max(i for i, other in enumerate(ranks) if other - rank < critical_difference)
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return tuple(groups)
