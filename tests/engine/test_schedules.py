"""Schedules against torch's own, epoch by epoch, and what each promises."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from nnlab.config import DataFacts, RunConfig, resolve
from nnlab.engine.schedules import Constant, schedule_of

EPOCHS = 12


def ours(**settings: object) -> list[float]:
    config = resolve(RunConfig(epochs=EPOCHS, **settings), DataFacts("classification"))  # type: ignore[arg-type]
    schedule = schedule_of(config, steps=1)
    return [schedule(float(epoch)) for epoch in range(EPOCHS)]


def torchs(make: object) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)  # type: ignore[operator]
    rates = []
    for _ in range(EPOCHS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_exp_is_torchs_exponential() -> None:
    expected = torchs(lambda o: lr_scheduler.ExponentialLR(o, math.exp(-0.3)))
    assert ours(decay="exp", decay_rate=0.3) == pytest.approx(expected, rel=1e-12)


def test_step_is_torchs_step() -> None:
    expected = torchs(lambda o: lr_scheduler.StepLR(o, 5, 0.3))
    assert ours(decay="step", decay_every=5, decay_factor=0.3) == pytest.approx(expected, rel=1e-12)


def test_cosine_is_torchs_cosine() -> None:
    expected = torchs(lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS))
    assert ours(decay="cosine") == pytest.approx(expected, rel=1e-12)


def test_inverse_by_hand() -> None:
    assert ours(decay="inv", decay_rate=0.5)[:4] == [1.0, 1 / 1.5, 1 / 2.0, 1 / 2.5]


def test_none_is_constant() -> None:
    assert ours(decay="none") == [Constant()(float(t)) for t in range(EPOCHS)] == [1.0] * EPOCHS


def test_warmup_rises_then_the_decay_starts() -> None:
    rates = ours(decay="exp", decay_rate=0.3, warmup=4.0)
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[5] == pytest.approx(math.exp(-0.3))


@given(
    decay=st.sampled_from(["none", "exp", "inv", "step", "cosine"]),
    warmup=st.sampled_from([0.0, 0.5, 3.0]),
    t=st.floats(0, EPOCHS),
)
def test_every_schedule_stays_within_0_and_1_and_falls_after_the_warmup(
    decay: str, warmup: float, t: float
) -> None:
    config = resolve(
        RunConfig(epochs=EPOCHS, decay=decay, warmup=warmup), DataFacts("classification")
    )
    schedule = schedule_of(config, steps=10)
    assert 0.0 <= schedule(t) <= 1.0
    if t >= warmup:
        assert schedule(t + 0.5) <= schedule(t)
