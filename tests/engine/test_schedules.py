"""Schedules compared to torch's epoch by epoch, and their documented properties."""

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import SGD, Optimizer, lr_scheduler

from nnlab.catalogue import builtin_names
from nnlab.engine.schedules import Schedule, build_schedule
from nnlab.engine.schedules.step_decay import parse_milestones
from nnlab.errors import ConfigError
from nnlab.settings import DataFacts, RunConfig, parse_value, resolve

EPOCHS = 12
DECAYS = builtin_names("decay")


def schedule(steps: int = 1, val_losses: Sequence[float] = (), **settings: object) -> Schedule:
    settings = {"epochs": EPOCHS, **settings}
    config = resolve(RunConfig(**settings), DataFacts("classification"))  # type: ignore[arg-type]
    return build_schedule(config, steps, val_losses)


def ours(**settings: object) -> list[float]:
    factor = schedule(**settings)  # type: ignore[arg-type]
    return [factor(float(epoch)) for epoch in range(EPOCHS)]


def torchs(
    make: Callable[[Optimizer], lr_scheduler.LRScheduler], count: int = EPOCHS
) -> list[float]:
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("settings", "make"),
    [
        (
            {"decay": "exp", "decay_rate": 0.3},
            lambda o: lr_scheduler.ExponentialLR(o, math.exp(-0.3)),
        ),
        (
            {"decay": "step", "decay_every": 5, "decay_factor": 0.3},
            lambda o: lr_scheduler.StepLR(o, 5, 0.3),
        ),
        ({"decay": "cosine"}, lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS)),
        (
            {"decay": "cosine", "decay_floor": 0.1},
            lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS, eta_min=0.1),
        ),
        (
            {"decay": "cosine", "decay_restarts": 2, "decay_floor": 0.05},
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, EPOCHS // 3, eta_min=0.05),
        ),
        (
            {"decay": "linear", "decay_floor": 0.25},
            lambda o: lr_scheduler.LinearLR(o, 1.0, 0.25, total_iters=EPOCHS),
        ),
        (
            {"decay": "poly", "decay_power": 1.7},
            lambda o: lr_scheduler.PolynomialLR(o, EPOCHS, power=1.7),
        ),
        (
            {"decay": "multistep", "decay_at": "3,7,8", "decay_factor": 0.4},
            lambda o: lr_scheduler.MultiStepLR(o, [3, 7, 8], 0.4),
        ),
        (
            {"decay": "multistep", "decay_at": "0.25,0.5", "decay_factor": 0.4},
            lambda o: lr_scheduler.MultiStepLR(o, [3, 6], 0.4),
        ),
        ({"decay": "none"}, lambda o: lr_scheduler.ConstantLR(o, 1.0)),
    ],
    ids=lambda value: str(value) if isinstance(value, str | dict) else "torch",
)
def test_a_decay_is_torchs(
    settings: dict[str, object], make: Callable[[Optimizer], lr_scheduler.LRScheduler]
) -> None:
    assert ours(**settings) == pytest.approx(torchs(make), rel=1e-12)


def test_onecycle_has_the_shape_of_torchs() -> None:
    """Torch counts steps, of which the last is at the end: ours at t is theirs one step later."""
    count, rise = 100, 30
    expected = torchs(
        lambda o: lr_scheduler.OneCycleLR(
            o,
            1.0,
            total_steps=count + 1,
            pct_start=(rise + 1) / (count + 1),
            final_div_factor=1 / 25 / 0.01,
            cycle_momentum=False,
        ),
        count,
    )
    factor = schedule(decay="onecycle", decay_share=rise / count, decay_floor=0.01, epochs=count)
    assert [factor(t) for t in range(count)] == pytest.approx(expected, rel=1e-9)


def test_plateau_drops_where_torchs_does() -> None:
    losses = [3.0, 2.0, 2.1, 2.0, 1.9, 1.9, 1.9, 1.9, 1.9, 1.8, math.nan, 2.0, 2.0, 2.0, 2.0, 1.7]
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    # Torch's patience is how many epochs it forgives, ours which epoch it acts at.
    theirs = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=1, threshold=0.0)
    for finished in range(len(losses) + 1):
        factor = schedule(
            val_losses=losses[:finished], decay="plateau", decay_factor=0.3, decay_patience=2
        )
        assert factor(float(finished)) == pytest.approx(optimizer.param_groups[0]["lr"])
        if finished < len(losses):
            theirs.step(losses[finished])
    assert optimizer.param_groups[0]["lr"] < 0.1


def test_plateau_does_not_count_the_epochs_of_the_warmup() -> None:
    losses = [1.0, 2.0, 2.0, 2.0, 2.0]
    settings = {"decay": "plateau", "decay_patience": 2, "decay_factor": 0.5}
    assert schedule(val_losses=losses, **settings)(5.0) == 0.25  # type: ignore[arg-type]
    assert schedule(val_losses=losses, warmup=2.0, **settings)(5.0) == 0.5  # type: ignore[arg-type]


def test_inverse_by_hand() -> None:
    assert ours(decay="inv", decay_rate=0.5)[:4] == [1.0, 1 / 1.5, 1 / 2.0, 1 / 2.5]


def test_wsd_stays_then_falls_in_a_line() -> None:
    rates = ours(decay="wsd", decay_share=1 / 3, decay_floor=0.2)
    assert rates == pytest.approx([1.0] * 9 + [0.8, 0.6, 0.4])


def test_wsd_keeps_its_share_of_all_epochs_behind_a_warmup() -> None:
    rates = ours(decay="wsd", decay_share=1 / 3, warmup=4.0)
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_a_cycle_of_the_cosine_ends_low_and_the_next_begins_at_the_top() -> None:
    factor = schedule(decay="cosine", decay_restarts=2)
    assert factor(3.999) < 1e-3
    assert factor(4.0) == factor(8.0) == 1.0
    assert factor(12.0) == pytest.approx(0.0, abs=1e-12)  # no fourth cycle begins


def test_warmup_rises_then_the_decay_starts() -> None:
    rates = ours(decay="exp", decay_rate=0.3, warmup=4.0)
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[5] == pytest.approx(math.exp(-0.3))


def test_milestones_are_epochs_of_the_whole_training_behind_a_warmup_too() -> None:
    rates = ours(decay="multistep", decay_at="6,9", decay_factor=0.1, warmup=3.0)
    assert rates == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01])


@pytest.mark.parametrize("decay", DECAYS)
def test_per_epoch_holds_the_factor_of_the_epochs_start(decay: str) -> None:
    by_step = schedule(steps=10, decay=decay)
    by_epoch = schedule(steps=10, decay=decay, decay_per="epoch")
    for epoch in range(EPOCHS):
        held = {by_epoch(epoch + step / 10) for step in range(10)}
        assert held == {by_step(float(epoch))}


def test_a_warmup_per_epoch_climbs_one_rung_an_epoch() -> None:
    factor = schedule(steps=10, warmup=2.5, decay_per="epoch")
    assert [factor(t) for t in (0.0, 0.9, 1.0, 1.9, 2.0, 3.0)] == [0.4, 0.4, 0.8, 0.8, 1.0, 1.0]


@given(
    decay=st.sampled_from(DECAYS),
    warmup=st.sampled_from([0.0, 0.5, 3.0]),
    per=st.sampled_from(["step", "epoch"]),
    floor=st.sampled_from([0.0, 0.1, 1.0]),
    restarts=st.integers(0, 5),
    t=st.floats(0, EPOCHS),
)
def test_every_factor_is_within_0_and_1_and_falls_after_the_rise(
    decay: str, warmup: float, per: str, floor: float, restarts: int, t: float
) -> None:
    if decay == "onecycle":
        warmup = 0.0
    factor = schedule(
        steps=10,
        decay=decay,
        warmup=warmup,
        decay_per=per,
        decay_floor=floor,
        decay_restarts=restarts,
        val_losses=[1.0] * int(t),
    )
    assert 0.0 <= factor(t) <= 1.0
    rise = 0.3 * EPOCHS if decay == "onecycle" else warmup
    if t >= math.ceil(rise) and not (decay == "cosine" and restarts):
        assert factor(t + 0.5) <= factor(t)


@given(
    decay=st.sampled_from([decay for decay in DECAYS if decay != "onecycle"]),
    warmup=st.floats(0.1, 11.0).map(lambda epochs: round(epochs, 2)),
    steps=st.integers(1, 7),
)
def test_a_warmup_never_falls_and_ends_at_lr(decay: str, warmup: float, steps: int) -> None:
    try:
        factor = schedule(steps=steps, decay=decay, warmup=warmup)
    except ConfigError:  # milestones inside the warmup, a wsd that is longer than the training
        return
    rise = [factor(step / steps) for step in range(math.ceil(warmup * steps))]
    assert rise == sorted(rise)
    assert rise[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decay": "onecycle", "warmup": 2.0}, "--decay onecycle, which has its own warmup"),
        (
            {"decay": "wsd", "warmup": 6.0, "decay_share": 0.8},
            "together exceed the length of the training",
        ),
        ({"decay": "multistep", "decay_at": "6,12"}, "--decay-at 12 must be after --warmup 0 and"),
        ({"decay": "multistep", "decay_at": "0.1,0.5", "warmup": 2.0}, "--decay-at 0.1 must be"),
        ({"warmup": 12.0}, "--warmup 12 must be less than --epochs 12"),
    ],
)
def test_what_does_not_fit_together_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        schedule(**settings)  # type: ignore[arg-type]


def test_a_share_of_the_epochs_keeps_its_digits() -> None:
    """2/3 of 30 epochs are 20: six digits of it would be reached one step after epoch 20."""
    assert parse_milestones(str(parse_value("decay_at", "0.6666666666666666")), 30) == (20.0,)
    assert parse_milestones(str(parse_value("decay_at", repr(1 / 3) + ",0.5")), 3) == (1.0, 1.5)
