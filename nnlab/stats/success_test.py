"""The test of whether the seeds of one trial work more often than those of another."""

import math


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
