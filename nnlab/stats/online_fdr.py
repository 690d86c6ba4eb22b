"""Levels for a sequence of tests that keep the false discovery rate below a limit at every test.

The gate tests one candidate after another and does not know how many will follow. Each test gets a
level that depends on the p values before it: the share of null hypotheses among the rejected ones
stays below the rate in expectation (the false discovery rate, FDR), however long the sequence is.
"""

from collections.abc import Iterator, Sequence
from typing import Final

DEFAULT_RATE: Final = 0.05

# The weights of R's onlineFDR: 1 / j^1.6, which sum to 1 over all j.
_EXPONENT: Final = 1.6
_SCALE: Final = 0.4374901658


def next_level(p_values: Sequence[float], *, rate: float = DEFAULT_RATE) -> float:
    """The level of the next test of a sequence, given the p values of all tests before it.

    A test is rejected if its p value is at most its level. The procedure is SAFFRON: it needs only
    p values that are valid, and p values of tests that stopped early for futility are.

    Args:
        p_values: in the order of the tests, shape [n], each in [0, 1]; empty for the first test.
        rate: the limit of the false discovery rate.

    Raises:
        ValueError: a p value or the rate lies outside its range.

    >>> round(next_level([]), 4), round(next_level([0.0001]), 4)
    (0.0055, 0.0109)
    """
    return saffron_levels(p_values, rate=rate)[-1]


def saffron_levels(
    p_values: Sequence[float],
    *,
    rate: float = DEFAULT_RATE,
    candidate_limit: float = 0.5,
    wealth: float | None = None,
) -> tuple[float, ...]:
    """The levels of SAFFRON (Ramdas, Zrnic, Wainwright and Jordan 2018): n + 1 for n p values.

    Args:
        p_values: in the order of the tests, shape [n].
        rate: the limit of the false discovery rate.
        candidate_limit: lambda; p values up to it cost no wealth, and none above it is rejected.
        wealth: the wealth before the first test, at most the rate (by default half of it).

    Raises:
        ValueError: a p value or a parameter lies outside its range.
    """
    return addis_levels(
        p_values, rate=rate, candidate_limit=candidate_limit, discard_limit=1.0, wealth=wealth
    )


def addis_levels(
    p_values: Sequence[float],
    *,
    rate: float = DEFAULT_RATE,
    candidate_limit: float = 0.25,
    discard_limit: float = 0.5,
    wealth: float | None = None,
) -> tuple[float, ...]:
    """The levels of ADDIS (Tian and Ramdas 2019, algorithm 1): n + 1 for n p values.

    ADDIS controls the rate only if null p values are uniformly conservative: given that a null
    p value is at most `discard_limit`, their quotient is a valid p value. With a discard limit of 1
    no p value is discarded, and ADDIS is SAFFRON.

    Args:
        p_values: in the order of the tests, shape [n].
        rate: the limit of the false discovery rate.
        candidate_limit: lambda; p values up to it cost no wealth, and none above it is rejected.
        discard_limit: tau; p values above it neither cost wealth nor are rejected.
        wealth: the wealth before the first test, at most the rate (by default half of it).

    Raises:
        ValueError: a p value or a parameter lies outside its range.
    """
    wealth = rate / 2 if wealth is None else wealth
    if not 0 < rate < 1:
        raise ValueError(f"the false discovery rate lies between 0 and 1, got {rate}")
    if not 0 < candidate_limit < discard_limit <= 1:
        raise ValueError(
            f"0 < candidate limit < discard limit <= 1, got {candidate_limit} and {discard_limit}"
        )
    if not 0 <= wealth <= rate:
        raise ValueError(f"the wealth is at most the rate {rate}, got {wealth}")
    if outside := [p for p in p_values if not 0 <= p <= 1]:
        raise ValueError(f"p values lie between 0 and 1, got {outside[0]}")
    return tuple(_levels(p_values, rate, candidate_limit, discard_limit, wealth))


def _levels(
    p_values: Sequence[float], rate: float, candidate: float, discard: float, wealth: float
) -> Iterator[float]:
    # The number of tests that cost wealth since the start and since each rejection, the test that
    # follows included. Each of them has its own share of the wealth.
    ages, shares = [1], [wealth]
    for p in p_values:
        level = _level(ages, shares, candidate, discard)
        yield level
        if candidate < p <= discard:
            ages = [age + 1 for age in ages]
        if p <= level:
            ages.append(1)
            shares.append(rate - wealth if len(shares) == 1 else rate)
    yield _level(ages, shares, candidate, discard)


def _level(ages: Sequence[int], shares: Sequence[float], candidate: float, discard: float) -> float:
    spent = sum(share * _SCALE / age**_EXPONENT for age, share in zip(ages, shares, strict=True))
    return min(candidate, (discard - candidate) * spent)
