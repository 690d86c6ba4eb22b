"""Learning rate schedules: pure functions of t, the progress in (fractional) epochs.

A schedule returns the factor by which the initial learning rate lr0 is multiplied. It has no
state, so nothing has to be restored when a run is resumed. The plateau schedule is computed from
the validation losses of the finished epochs.
"""

import math
from collections.abc import Callable, Sequence
from typing import cast

from nnlab.catalogue import is_user_code
from nnlab.engine.plugin_calls import call_plugin, find_required
from nnlab.engine.plugin_types import SchedulePlugin
from nnlab.engine.required_setting import required
from nnlab.engine.returned_numbers import NotARealNumber
from nnlab.engine.schedules import user_defined
from nnlab.engine.schedules.multi_phase import OneCycle, PerEpoch, Schedule, StableThenDecay, Warmup
from nnlab.engine.schedules.returned_factor import FACTOR_REQUIREMENT, lr_factor
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
from nnlab.errors import PluginError
from nnlab.settings import RunConfig

__all__ = ["Schedule", "build_schedule"]


def build_schedule(config: RunConfig, steps: int, val_losses: Sequence[float] = ()) -> Schedule:
    """The schedule of a resolved config; for plateau it is valid for the next epoch only.

    Args:
        config: resolved.
        steps: per epoch.
        val_losses: val/loss of each finished epoch; used by plateau only.

    Raises:
        PluginError: the plugin of the schedule cannot be used, or fails.
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
    """The factor of plateau after these val losses; those of the warmup are ignored."""
    after_warmup = val_losses[math.ceil(config.warmup) :]
    return float(
        required(config.decay_factor)
        ** count_plateau_drops(after_warmup, required(config.decay_patience))
    )


def _build_decay(config: RunConfig) -> Schedule:
    """The decay without the warmup; its t is in epochs after the warmup."""
    total = config.epochs - config.warmup
    floor, decay_epochs = config.decay_floor or 0.0, (config.decay_share or 0.0) * config.epochs
    match config.decay:
        case "none" | "task":  # the schedulers of a user's task set the rates themselves
            return Constant()
        case "exp":
            return ExponentialDecay(required(config.decay_rate))
        case "inv":
            return InverseTimeDecay(required(config.decay_rate))
        case "step":
            return StepDecay(required(config.decay_every), required(config.decay_factor))
        case "cosine":
            return CosineDecay(total, config.decay_restarts or 0, floor)
        case "linear":
            return PolynomialDecay(total, 1.0, floor)
        case "poly":
            return PolynomialDecay(total, required(config.decay_power), floor)
        case "multistep":
            return MultiStepDecay(_milestones(config), required(config.decay_factor))
        case "onecycle":
            return OneCycle(total, decay_epochs, floor)
        case "wsd":
            return StableThenDecay(total, decay_epochs, floor)
        case name if is_user_code("decay", name):
            return user_defined.build(config, total)
        case other:
            return _build_plugin_schedule(other, config, total)


def _build_plugin_schedule(name: str, config: RunConfig, total: float) -> Schedule:
    plugin = find_required("decay", name, SchedulePlugin)
    build_plugin = plugin.choice.build
    schedule = call_plugin(plugin, object, lambda: build_plugin(config, total))
    if not callable(schedule):
        raise PluginError(
            f"the plugin '{name}' of {plugin.plugin.version} returns an object of type"
            f" {type(schedule).__name__}, and not a function of t"
        )
    function = cast("Callable[[float], object]", schedule)

    def checked(t: float) -> float:
        value = call_plugin(plugin, object, lambda: function(t))
        try:
            return lr_factor(value)
        except NotARealNumber as error:
            raise PluginError(
                f"the plugin '{name}' of {plugin.plugin.version} returns {error} at t = {t:g};"
                f" {FACTOR_REQUIREMENT}"
            ) from None

    return checked


def _milestones(config: RunConfig) -> tuple[float, ...]:
    """Milestones in epochs after the warmup; the setting counts from the start of training."""
    return tuple(
        epoch - config.warmup
        for epoch in parse_milestones(required(config.decay_at), config.epochs)
    )
