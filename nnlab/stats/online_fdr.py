"""Levels for a sequence of tests that keep the false discovery rate below a limit at every test.

The gate tests one candidate after another and does not know how many will follow. Each test gets a
level that depends on the p values before it: the share of null hypotheses among the rejected ones
stays below the rate in expectation (the false discovery rate, FDR), however long the sequence is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DEFAULT_RATE: Final = 0.05


@dataclass(frozen=True, slots=True)
class SpendingWeights:
    """How the wealth of a rejection is spent over the tests after it: (j + offset)^-exponent.

    Args:
        offset: with a larger one, the levels decrease later.
        exponent: above 1.
        scale: makes the sum of all weights 1.
    """

    offset: float
    exponent: float
    scale: float

    def __call__(self, j: int) -> float:
        """The weight of the j-th test, counted from 1."""
        return float(self.scale * (j + self.offset) ** -self.exponent)


# Those of R's onlineFDR, which spend 44 % on the next test.
STANDARD_WEIGHTS: Final = SpendingWeights(0, 1.6, 0.4374901658)

# The gate expects one good candidate in tens: one half is spent on the next 20 tests.
GATE_WEIGHTS: Final = SpendingWeights(20, 2, 20.50406247)

# p values of discarded candidates are large, as their tests stopped early: a small limit then costs
# the least wealth. No level exceeds it.
GATE_CANDIDATE_LIMIT: Final = 0.05

# Most of the wealth exists before the first test, because the first keep may take tens of tests.
GATE_WEALTH: Final = 0.9


def next_level(p_values: Sequence[float], *, rate: float = DEFAULT_RATE) -> float:
    """The level of the next candidate, given the p values of all candidates before it.

    A candidate is kept if its p value is at most its level. The procedure is SAFFRON with
    `GATE_WEIGHTS`. It needs only valid p values; those of tests that stopped for futility are
    valid, but not uniformly conservative, which ADDIS would need.

    Args:
        p_values: in the order of the tests, shape [n], each in [0, 1]; empty for the first test.
        rate: the limit of the false discovery rate.

    Raises:
        ValueError: a p value or the rate lies outside its range.

    >>> round(next_level([]), 5), round(next_level([0.0001]), 5), round(next_level([0.7] * 50), 5)
    (0.00199, 0.00221, 0.00017)
    """
    state = gate_levels(rate)
    for p in p_values:
        state.add(p)
    return state.level


def gate_levels(rate: float = DEFAULT_RATE) -> "OnlineLevels":
    """The levels of a new ledger of the gate."""
    return OnlineLevels(
        rate,
        candidate_limit=GATE_CANDIDATE_LIMIT,
        wealth=GATE_WEALTH * rate,
        weights=GATE_WEIGHTS,
    )


class OnlineLevels:
    """The levels of a sequence of tests by ADDIS (Tian and Ramdas 2019, algorithm 1).

    ADDIS controls the rate only if null p values are uniformly conservative: if a null p value is
    at most `discard_limit`, its quotient by that limit is a valid p value. With a discard limit of
    1 nothing is discarded, and ADDIS is SAFFRON (Ramdas, Zrnic, Wainwright and Jordan 2018), which
    needs only valid p values.

    Args:
        rate: the limit of the false discovery rate.
        candidate_limit: lambda; p values up to it cost no wealth, and none above it is rejected.
        discard_limit: tau; p values above it neither cost wealth nor are rejected.
        wealth: the wealth before the first test, at most the rate (by default half of it).
        weights: how wealth is spent over the tests.

    Raises:
        ValueError: a parameter lies outside its range.
    """

    def __init__(
        self,
        rate: float = DEFAULT_RATE,
        candidate_limit: float = 0.5,
        discard_limit: float = 1.0,
        wealth: float | None = None,
        weights: SpendingWeights = STANDARD_WEIGHTS,
    ) -> None:
        wealth = rate / 2 if wealth is None else wealth
        if not 0 < rate < 1:
            raise ValueError(f"the false discovery rate lies between 0 and 1, got {rate}")
        if not 0 < candidate_limit < discard_limit <= 1:
            raise ValueError(
                "the candidate limit lies between 0 and the discard limit, which is at most 1, got "
                f"{candidate_limit} and {discard_limit}"
            )
        if not 0 <= wealth <= rate:
            raise ValueError(f"the wealth lies between 0 and the rate {rate}, got {wealth}")
        self._rate, self._wealth, self._weights = rate, wealth, weights
        self._candidate_limit, self._discard_limit = candidate_limit, discard_limit
        # The first test and each rejection have wealth of their own. It is spent over the tests
        # that follow; only those that cost wealth, and the next one, count for the age.
        self._ages, self._shares = [1], [wealth]
        self.level = self._next_level()

    def add(self, p: float) -> None:
        """Adds the p value of the test that had `level`; `level` is that of the next test.

        Raises:
            ValueError: p lies outside [0, 1].
        """
        if not 0 <= p <= 1:
            raise ValueError(f"a p value lies between 0 and 1, got {p}")
        if self._candidate_limit < p <= self._discard_limit:
            self._ages = [age + 1 for age in self._ages]
        if p <= self.level:
            is_first = len(self._shares) == 1
            self._shares.append(self._rate - self._wealth if is_first else self._rate)
            self._ages.append(1)
        self.level = self._next_level()

    def _next_level(self) -> float:
        spent = math.fsum(
            share * self._weights(age) for age, share in zip(self._ages, self._shares, strict=True)
        )
        return min(self._candidate_limit, (self._discard_limit - self._candidate_limit) * spent)


def saffron_levels(p_values: Sequence[float], *, rate: float = DEFAULT_RATE) -> tuple[float, ...]:
    """The levels of SAFFRON for n p values in the order of their tests, and of the next: n + 1.

    Raises:
        ValueError: a p value or the rate lies outside its range.
    """
    return _all_levels(OnlineLevels(rate), p_values)


def addis_levels(p_values: Sequence[float], *, rate: float = DEFAULT_RATE) -> tuple[float, ...]:
    """The levels of ADDIS for n p values in the order of their tests, and of the next: n + 1.

    Raises:
        ValueError: a p value or the rate lies outside its range.
    """
    return _all_levels(OnlineLevels(rate, candidate_limit=0.25, discard_limit=0.5), p_values)


def _all_levels(state: OnlineLevels, p_values: Sequence[float]) -> tuple[float, ...]:
    levels = [state.level]
    for p in p_values:
        state.add(p)
        levels.append(state.level)
    return tuple(levels)
