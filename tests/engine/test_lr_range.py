"""The lr range test finds the stability limit, reproducibly."""

from collections.abc import Callable

import pytest

from nnlab.engine.loop import build_session
from nnlab.engine.lr_range import run_lr_range_test
from nnlab.settings import RunConfig

Make = Callable[..., RunConfig]


def test_lr_grows_by_one_factor_and_the_test_ends_when_the_loss_diverges(config: Make) -> None:
    session = build_session(config(opt="sgd", data="digits"))
    result = run_lr_range_test(session, low=1e-5, high=1e4, steps=100)
    factors = [b / a for a, b in zip(result.lrs, result.lrs[1:], strict=False)]
    assert factors == pytest.approx([(1e9) ** (1 / 99)] * len(factors))
    assert len(result.lrs) < 100
    assert 1e-3 < result.lrs[result.best] < 10


def test_the_same_session_gives_the_same_test(config: Make) -> None:
    first, again = (
        run_lr_range_test(
            build_session(config(opt="sgd", dropout=0.2)), low=1e-4, high=1.0, steps=40
        )
        for _ in range(2)
    )
    assert first == again
