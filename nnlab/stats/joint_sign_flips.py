"""Tests of several settings against one control on the same seeds, corrected for their number."""

import math
import random
from collections.abc import Iterator, Sequence
from itertools import product

# With more seeds there are too many sign patterns to count: they are drawn at random.
_MAX_EXACT_SEEDS = 12
_DRAWN_PATTERNS = 10_000

# Rounding must not put a pattern with an equal statistic below the limit.
_ROUNDING = 1e-12


def joint_sign_flip_p(differences: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The one-sided p values of means above 0, adjusted by a step-down test of the maximum.

    The signs of all differences of a seed are flipped together, so that the correlation that the
    settings have through their common control is preserved. Each setting is compared with the
    distribution of the largest statistic of the settings that are not better than it (Westfall and
    Young 1993, algorithm 4.1; Romano and Wolf 2005). The statistic is the sum of the differences
    divided by their root sum of squares, which sign flips do not change; it increases with t.
    For one setting it is the exact sign-flip test (`nnlab.stats.paired.sign_flip_p`).

    The least possible p is 2^-n for any number of settings; that of Holm's correction is m times as
    large.

    Args:
        differences: for each of m settings, the difference of each of n seeds, shape [m, n]; 0 for
            seeds that a setting does not have.

    >>> p_values = joint_sign_flip_p([[1.0, 2.0, 3.0, 2.0, 1.0], [1.0, -1.0, 0.0, 0.0, 0.0]])
    >>> [round(p, 4) for p in p_values]
    [0.0312, 0.75]
    """
    scaled = [_unit_vector(row) for row in differences]
    observed = [math.fsum(row) for row in scaled]
    order = sorted(range(len(scaled)), key=observed.__getitem__)
    counts = [0] * len(scaled)
    patterns = 0
    for signs in _sign_patterns(len(differences[0]) if differences else 0):
        patterns += 1
        largest = -math.inf
        for index in order:
            flipped = sum(map(float.__mul__, signs, scaled[index]))
            largest = max(largest, flipped)
            counts[index] += largest >= observed[index] - _ROUNDING
    adjusted = [0.0] * len(scaled)
    highest = 0.0
    for index in reversed(order):
        highest = max(highest, counts[index] / patterns)
        adjusted[index] = highest
    return tuple(adjusted)


def _unit_vector(values: Sequence[float]) -> list[float]:
    """The values divided by their root sum of squares; zeros remain zeros."""
    norm = math.hypot(*values)
    return [value / norm if norm > 0 else 0.0 for value in values]


def _sign_patterns(seeds: int) -> Iterator[tuple[float, ...]]:
    """All sign patterns, or 10,000 of them: the observed one and others of a fixed seed."""
    if seeds <= _MAX_EXACT_SEEDS:
        yield from product((1.0, -1.0), repeat=seeds)
        return
    yield (1.0,) * seeds
    rng = random.Random(0)  # noqa: S311  a permutation test, not a secret
    for _ in range(_DRAWN_PATTERNS - 1):
        bits = rng.getrandbits(seeds)
        yield tuple(1.0 if bits >> seed & 1 else -1.0 for seed in range(seeds))
