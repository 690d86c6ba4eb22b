"""Spearman's rank correlation (1904), with average ranks for ties."""

import math
from collections.abc import Sequence

MIN_PAIRS = 4  # three pairs have only four different rank correlations


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """The rank correlation of pairs, from -1 to 1; None if it is undefined.

    It is undefined with fewer than `MIN_PAIRS` pairs, or if all values of `x` or of `y` are equal.

    Args:
        x: finite values, shape [n].
        y: finite values, shape [n].

    >>> round(rank_correlation([1.0, 2.0, 3.0, 4.0], [10.0, 30.0, 20.0, 40.0]), 3)
    0.8
    """
    if len(x) != len(y):
        raise ValueError(f"pairs need equally many values, got {len(x)} and {len(y)}")
    if len(x) < MIN_PAIRS:
        return None
    ranks_x, ranks_y = _centred_ranks(x), _centred_ranks(y)
    squares = _dot(ranks_x, ranks_x) * _dot(ranks_y, ranks_y)
    return _dot(ranks_x, ranks_y) / math.sqrt(squares) if squares else None


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return math.fsum(left * right for left, right in zip(a, b, strict=True))


def _centred_ranks(values: Sequence[float]) -> list[float]:
    """The ranks minus their mean; equal values share the mean of their ranks."""
    ordered = sorted(values)
    first = {value: index for index, value in reversed(list(enumerate(ordered)))}
    last = {value: index for index, value in enumerate(ordered)}
    middle = (len(values) - 1) / 2
    return [(first[value] + last[value]) / 2 - middle for value in values]
