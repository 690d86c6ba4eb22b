"""The range test: what it reads off curves, and that it finds the edge of stability."""

import math
from collections.abc import Callable

import pytest

from nnlab.config import RunConfig
from nnlab.engine.loop import start
from nnlab.engine.lr_range import RangeTest, range_test

Make = Callable[..., RunConfig]


def made(losses: list[float]) -> RangeTest:
    lrs = tuple(10 ** (-6 + 6 * i / (len(losses) - 1)) for i in range(len(losses)))
    return RangeTest(lrs, tuple(losses), tuple(losses))


def test_the_steepest_fall_of_a_curve_known_exactly() -> None:
    """A logistic fall around lr 1e-3, then a rise."""
    losses = [2 - 1.5 / (1 + math.exp(-(i - 100) / 6)) + max(0, i - 150) / 10 for i in range(201)]
    found = made(losses)
    assert found.steepest is not None
    assert math.log10(found.steepest) == pytest.approx(-3, abs=0.2)
    assert math.log10(found.at_best) == pytest.approx(-6 + 6 * 149 / 200, abs=0.5)


def test_a_loss_that_only_rises_has_no_fall() -> None:
    assert made([1 + i / 10 for i in range(50)]).steepest is None


def test_lr_grows_by_one_factor_and_the_test_ends_when_the_loss_diverges(config: Make) -> None:
    session = start(config(opt="sgd", data="digits"))
    found = range_test(session, low=1e-5, high=1e4, steps=100)
    factors = [b / a for a, b in zip(found.lrs, found.lrs[1:], strict=False)]
    assert factors == pytest.approx([(1e9) ** (1 / 99)] * len(factors))
    assert len(found.lrs) < 100
    assert found.steepest is not None
    assert 1e-3 < found.steepest < found.at_best < 10


def test_the_same_session_gives_the_same_test(config: Make) -> None:
    first, again = (
        range_test(start(config(opt="sgd", dropout=0.2)), low=1e-4, high=1.0, steps=40)
        for _ in range(2)
    )
    assert first == again
