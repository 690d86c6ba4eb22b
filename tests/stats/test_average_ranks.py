"""Average ranks: published and hand-computed values, scipy, and simulations of no difference."""

import itertools
import random

import pytest
from scipy import stats

from nnlab.stats.average_ranks import (
    FriedmanMethod,
    RankKey,
    compare_average_ranks,
    nemenyi_critical_difference,
)

# Demšar 2006, table 6: the AUC of four classifiers on fourteen data sets, in thousandths. Of the
# two values 975 on `voting` that of C4.5+cf has the better rank in the paper.
DEMSAR = {
    "C4.5": "763 599 954 628 882 936 661 583 775 1000 940 619 972 957",
    "C4.5+m": "768 591 971 661 888 931 668 583 838 1000 962 666 981 978",
    "C4.5+cf": "771 590 968 654 886 916 609 563 866 1000 965 614 975.1 946",
    "C4.5+m+cf": "798 569 967 657 898 931 685 625 875 1000 962 669 975 970",
}


def keys_of(values: dict[str, list[float]]) -> dict[str, list[RankKey]]:
    """Higher values are better."""
    return {name: [(-value,) for value in row] for name, row in values.items()}


def noise(methods: int, blocks: int, rng: random.Random) -> dict[str, list[float]]:
    return {f"m{i}": [rng.gauss(0, 1) for _ in range(blocks)] for i in range(methods)}


def test_the_example_of_demsar() -> None:
    values = {name: [float(v) for v in text.split()] for name, text in DEMSAR.items()}
    result = compare_average_ranks(keys_of(values))
    ranks = dict(zip(result.names, result.ranks, strict=True))
    published = {"C4.5": 3.143, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}
    assert ranks == pytest.approx(published, abs=5e-4)
    # The published 9.28 is without the correction for ties, and so is F = 3.69.
    k, n = 4, 14
    uncorrected = 12 * n / (k * (k + 1)) * (sum(r * r for r in result.ranks) - k * (k + 1) ** 2 / 4)
    assert uncorrected == pytest.approx(9.28, abs=0.005)
    friedman = stats.friedmanchisquare(*values.values())
    assert result.chi2 == pytest.approx(friedman.statistic)
    assert result.f == pytest.approx((n - 1) * result.chi2 / (n * (k - 1) - result.chi2))
    assert result.critical_difference == pytest.approx(1.25, abs=0.005)
    assert result.is_significant
    # No pair of classifiers differs by 1.25.
    assert result.groups == ((0, 3),)


@pytest.mark.parametrize(
    ("methods", "quantile"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (8, 3.031), (10, 3.164)],
)
def test_critical_values_are_those_of_demsar(methods: int, quantile: float) -> None:
    expected = quantile * (methods * (methods + 1) / (6 * 20)) ** 0.5
    assert nemenyi_critical_difference(methods, 20) == pytest.approx(expected, rel=1e-3)


def test_the_exact_test_counts_all_permutations() -> None:
    values = {"a": [0.9, 0.8, 0.7], "b": [0.5, 0.6, 0.65], "c": [0.1, 0.7, 0.2]}
    result = compare_average_ranks(keys_of(values))
    observed = stats.friedmanchisquare(*values.values()).statistic
    every = list(itertools.product(itertools.permutations((1, 2, 3)), repeat=3))
    extreme = sum(
        stats.friedmanchisquare(*zip(*blocks, strict=True)).statistic >= observed - 1e-9
        for blocks in every
    )
    assert result.method is FriedmanMethod.EXACT
    assert result.p == pytest.approx(extreme / len(every))


def test_random_permutations_agree_with_the_f_distribution() -> None:
    """With many blocks the F of Iman and Davenport is accurate."""
    rng = random.Random(3)
    values = {
        name: [v + 0.2 * i for v in row] for i, (name, row) in enumerate(noise(7, 25, rng).items())
    }
    result = compare_average_ranks(keys_of(values))
    assert result.method is FriedmanMethod.PERMUTATION
    assert result.p == pytest.approx(float(stats.f.sf(result.f, 6, 6 * 24)), abs=0.01)


def test_groups_join_methods_closer_than_the_critical_difference() -> None:
    rng = random.Random(0)
    shift = {"a": 0.0, "b": 0.4, "c": 3.0, "d": 3.3}
    values = {n: [-s + rng.gauss(0, 0.5) for _ in range(12)] for n, s in shift.items()}
    result = compare_average_ranks(keys_of(values))
    assert result.names == ("a", "b", "c", "d")
    assert result.groups == ((0, 1), (2, 3))
    for first, last in itertools.combinations(range(4), 2):
        joined = any(low <= first and last <= high for low, high in result.groups)
        distance = result.ranks[last] - result.ranks[first]
        assert joined == (distance < result.critical_difference)


def test_equal_results_share_their_ranks() -> None:
    result = compare_average_ranks({"a": [(1.0,)] * 3, "b": [(1.0,)] * 3, "c": [(2.0,)] * 3})
    assert result.ranks == (1.5, 1.5, 3.0)


def test_results_that_are_all_equal_do_not_differ() -> None:
    result = compare_average_ranks({name: [(0.0,)] * 4 for name in "abc"})
    assert (result.chi2, result.p) == (0.0, 1.0)
    assert result.groups == ((0, 2),)


def test_agreement_of_all_blocks_has_the_smallest_p() -> None:
    result = compare_average_ranks({name: [(float(i),)] * 3 for i, name in enumerate("abc")})
    assert result.f == float("inf")
    assert result.p == pytest.approx(6 / 6**3)


def test_the_smallest_number_of_blocks_has_a_reachable_critical_difference() -> None:
    result = compare_average_ranks({name: [(float(i),)] * 2 for i, name in enumerate("abc")})
    assert nemenyi_critical_difference(3, result.min_blocks) <= 2
    assert nemenyi_critical_difference(3, result.min_blocks - 1) > 2


@pytest.mark.parametrize(("methods", "blocks"), [(3, 4), (4, 6), (6, 4)])
def test_equal_methods_rarely_differ(methods: int, blocks: int) -> None:
    rng = random.Random(methods)
    differ = sum(
        compare_average_ranks(keys_of(noise(methods, blocks, rng))).groups != ((0, methods - 1),)
        for _ in range(100)
    )
    # 5 are expected; 12 or more have a probability below 0.5 %.
    assert differ < 12


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ({"a": [(1.0,)] * 4, "b": [(2.0,)] * 4}, "fewer than three methods"),
        ({"a": [(1.0,)], "b": [(2.0,)], "c": [(3.0,)]}, "at least two blocks"),
    ],
)
def test_too_few_results_are_refused(results: dict[str, list[RankKey]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        compare_average_ranks(results)
