"""Schedules of the learning rate: pure functions of progress, t in epochs (fractions count).

A schedule answers with the factor that lr0 is multiplied by. It keeps no state, so a resumed
run needs none of it; what plateau must know of the past are the validation losses of the
finished epochs.
"""

import math
from collections.abc import Sequence

from nnlab.config import RunConfig
from nnlab.engine.schedules.multi_phase import OneCycle, PerEpoch, Schedule, StableThenDecay, Warmup
from nnlab.engine.schedules.smooth import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    PolynomialDecay,
)
from nnlab.engine.schedules.step_decay import (
    MultiStepDecay,
    StepDecay,
    count_plateau_drops,
    parse_milestones,
)

__all__ = ["Schedule", "build_schedule"]


def build_schedule(config: RunConfig, steps: int, val_losses: Sequence[float] = ()) -> Schedule:
    """The schedule that a resolved config asks for; that of plateau holds for the next epoch only.

    Args:
        config: resolved.
        steps: in an epoch.
        val_losses: val/loss of each finished epoch; only plateau looks at them.
    """
    per_epoch = config.decay_per == "epoch"
    if config.decay == "plateau":
        schedule: Schedule = Constant(_plateau_factor(config, val_losses))
    else:
        schedule = _build_decay(config)
    if config.warmup > 0:
        schedule = Warmup(config.warmup, 1.0 if per_epoch else 1 / steps, schedule)
    return PerEpoch(schedule) if per_epoch else schedule


def _plateau_factor(config: RunConfig, val_losses: Sequence[float]) -> float:
    """What lr is multiplied by after these losses; those of the warmup do not count."""
    assert config.decay_patience is not None
    after_warmup = val_losses[math.ceil(config.warmup) :]
    return float(
        _required(config.decay_factor) ** count_plateau_drops(after_warmup, config.decay_patience)
    )


def _build_decay(config: RunConfig) -> Schedule:
    """The decay alone, its t in epochs after the warmup."""
    total = config.epochs - config.warmup
    floor, share = config.decay_floor or 0.0, (config.decay_share or 0.0) * config.epochs
    match config.decay:
        case "none":
            return Constant()
        case "exp":
            return ExponentialDecay(_required(config.decay_rate))
        case "inv":
            return InverseTimeDecay(_required(config.decay_rate))
        case "step":
            assert config.decay_every is not None
            return StepDecay(config.decay_every, _required(config.decay_factor))
        case "cosine":
            return CosineDecay(total, config.decay_restarts or 0, floor)
        case "linear":
            return PolynomialDecay(total, 1.0, floor)
        case "poly":
            return PolynomialDecay(total, _required(config.decay_power), floor)
        case "multistep":
            return MultiStepDecay(_milestones(config), _required(config.decay_factor))
        case "onecycle":
            return OneCycle(total, share, floor)
        case "wsd":
            return StableThenDecay(total, share, floor)
        case other:
            raise ValueError(f"no schedule is called {other!r}")


def _milestones(config: RunConfig) -> tuple[float, ...]:
    """Epochs after the warmup; in the setting they are epochs of the whole training."""
    assert config.decay_at is not None
    return tuple(at - config.warmup for at in parse_milestones(config.decay_at, config.epochs))


def _required(value: float | None) -> float:
    """A number that the row of this decay names, so that a resolved config has it."""
    assert value is not None
    return value
