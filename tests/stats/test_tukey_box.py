"""Boxes compared with those of matplotlib."""

import random

import pytest
from matplotlib.cbook import boxplot_stats

from nnlab.stats.tukey_box import tukey_box


@pytest.mark.parametrize("n", [1, 2, 5, 10, 31])
@pytest.mark.parametrize("seed", range(5))
def test_quartiles_and_whiskers_are_those_of_matplotlib(n: int, seed: int) -> None:
    rng = random.Random(seed)
    values = [rng.gauss(0, 1) ** 3 for _ in range(n)]
    box, (expected,) = tukey_box(values), boxplot_stats(values, whis=1.5)
    assert box.first_quartile == pytest.approx(expected["q1"])
    assert box.median == pytest.approx(expected["med"])
    assert box.third_quartile == pytest.approx(expected["q3"])
    assert box.low_whisker == pytest.approx(expected["whislo"])
    assert box.high_whisker == pytest.approx(expected["whishi"])
    assert sorted(box.outliers) == pytest.approx(sorted(expected["fliers"]))


def test_equal_values_are_a_line() -> None:
    box = tukey_box([0.1 + 0.2] * 7)
    assert box.low_whisker == box.high_whisker == pytest.approx(0.3)
    assert box.outliers == ()
