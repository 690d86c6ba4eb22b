"""Spearman's rank correlation against scipy and by hand."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from nnlab.stats.rank_correlation import rank_correlation


def test_by_hand() -> None:
    # 1 - 6 * (0 + 1 + 1 + 0) / (4 * 15)
    assert rank_correlation([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.8)
    assert rank_correlation([1, 2, 3, 4], [9, 7, 5, 3]) == pytest.approx(-1)


@pytest.mark.parametrize("n", [4, 7, 20])
def test_as_scipy_with_ties(n: int) -> None:
    generator = np.random.default_rng(n)
    x, y = generator.integers(0, 5, (2, n)).astype(float)
    expected = spearmanr(x, y).statistic
    assert rank_correlation(list(x), list(y)) == pytest.approx(expected)


def test_undefined() -> None:
    assert rank_correlation([1, 2, 3], [1, 2, 3]) is None
    assert rank_correlation([1, 1, 1, 1], [1, 2, 3, 4]) is None
    with pytest.raises(ValueError, match="4 and 3"):
        rank_correlation([1, 2, 3, 4], [1, 2, math.pi])
