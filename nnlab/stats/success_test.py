"""The test of whether the seeds of one trial work more often than those of another."""

import math
from collections.abc import Sequence


def success_p(first: tuple[int, int], second: tuple[int, int]) -> float:
    """The two-sided p of Fisher's exact test (1935) that two success probabilities are equal.

    Args:
        first: the number of seeds that work, and of all seeds.
        second: the same of the other trial.

    >>> round(success_p((10, 10), (2, 10)), 5)
    0.00071
    """
    successes = first[0] + second[0]
    total = first[1] + second[1]

    def probability(count: int) -> float:
        """That of so many successes of the first trial, given the sum."""
        ways = math.comb(first[1], count) * math.comb(second[1], successes - count)
        return ways / math.comb(total, successes)

    observed = probability(first[0])
    lowest, highest = max(0, successes - second[1]), min(first[1], successes)
    probabilities = map(probability, range(lowest, highest + 1))
    # Rounding must not exclude a table that is as probable as the observed one.
    return min(1.0, math.fsum(p for p in probabilities if p <= observed * (1 + 1e-9)))


def adjusted_success_p(counts: Sequence[tuple[int, int]], index: int) -> float:
    """The p of whether a trial differs from all others together, corrected for all trials.

    Args:
        counts: the number of seeds that work, and of all seeds, of each trial.
        index: that of the trial.

    >>> round(adjusted_success_p([(3, 3)] * 9 + [(0, 3)], 9), 4)
    0.0025
    """
    others = [count for place, count in enumerate(counts) if place != index]
    rest = sum(working for working, _ in others), sum(total for _, total in others)
    return min(1.0, len(counts) * success_p(rest, counts[index]))
