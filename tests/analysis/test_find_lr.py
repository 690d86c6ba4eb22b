"""`find_lr` on synthetic range tests with a known answer, and on real ones."""

import math
from collections.abc import Callable

import pytest

from nnlab.analysis.find_lr import find_lr, steepest_lr
from nnlab.engine.lr_range import LRRangeTest
from nnlab.errors import UsageError
from nnlab.settings import RunConfig

Make = Callable[..., RunConfig]


def make_range_test(losses: list[float]) -> LRRangeTest:
    lrs = tuple(10 ** (-6 + 6 * i / (len(losses) - 1)) for i in range(len(losses)))
    return LRRangeTest(lrs, tuple(losses), tuple(losses))


def test_the_steepest_fall_of_a_curve_known_exactly() -> None:
    """A logistic fall around lr 1e-3, then a rise."""
    losses = [2 - 1.5 / (1 + math.exp(-(i - 100) / 6)) + max(0, i - 150) / 10 for i in range(201)]
    result = make_range_test(losses)
    steepest = steepest_lr(result)
    assert steepest is not None
    assert math.log10(steepest) == pytest.approx(-3, abs=0.2)
    assert math.log10(result.lrs[result.best]) == pytest.approx(-6 + 6 * 149 / 200, abs=0.5)


def test_a_loss_that_only_rises_has_no_fall() -> None:
    assert steepest_lr(make_range_test([1 + i / 10 for i in range(50)])) is None


def test_the_suggestion_is_the_median_of_the_seeds_to_two_digits(config: Make) -> None:
    messages: list[int] = []
    suggestion = find_lr(
        config(opt="sgd"), (0, 1, 2), low=1e-4, high=10.0, steps=60, each=messages.append
    )
    assert messages == [0, 1, 2]
    middle = sorted(steepest_lr(test) or math.nan for test in suggestion.tests)[1]
    assert suggestion.suggested == float(f"{middle:.2g}")
    bottom = sorted(test.lrs[test.best] for test in suggestion.tests)[1]
    assert suggestion.tenth_of_lowest_loss_lr == float(f"{bottom / 10:.2g}")
    assert suggestion.tests[0] != suggestion.tests[1]


def test_what_cannot_be_found_is_told(config: Make) -> None:
    with pytest.raises(UsageError, match="--opt lbfgs has no learning rate"):
        find_lr(config(opt="lbfgs", batch_size="full"), (0,), low=1e-4, high=1.0, steps=20)
    with pytest.raises(UsageError, match="did not fall at any lr from 1e-30 to 1e-29"):
        find_lr(config(opt="sgd"), (0,), low=1e-30, high=1e-29, steps=20)
