"""The part of a training script that computes the learning rate of a step."""

import math
from collections.abc import Callable, Mapping

from nnlab.exchange.training_script.code_text import Lines, block, number, numbers
from nnlab.exchange.training_script.facts import ScriptFacts
from nnlab.settings import RunConfig


def has_schedule(config: RunConfig) -> bool:
    """Whether the learning rate changes."""
    return config.lr is not None and (config.decay != "none" or config.warmup > 0)


def schedule_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    """The lines that define `lr_at(t)`; nothing for a constant learning rate."""
    if not has_schedule(config):
        return []
    lines: Lines = []
    if config.decay == "plateau":
        lines += ["factor, lowest, waited = 1.0, math.inf, 0  # of the learning rate; of val/loss"]
    lines += ["", "", "def lr_at(t):  # the learning rate after t epochs, such as 1.5"]
    if config.warmup > 0:
        # The first step already uses its part of the learning rate.
        step = "1" if config.decay_per == "epoch" else f"1 / {len(facts.batches)}"
        warmup, lr = number(config.warmup), number(config.lr)
        lines += block(
            f"""
            if t < {warmup}:  # warmup
                return {lr} * min(1, (t + {step}) / {warmup})
            t -= {warmup}
            """,
            depth=1,
        )
    return [*lines, f"    return {number(config.lr)} * {FACTORS[config.decay](config)}"]


def after_epoch_lines(config: RunConfig) -> Lines:
    """The lines at the end of an epoch that update the factor of plateau."""
    if config.decay != "plateau":
        return []
    lines = block(f"""
        lowest, waited = (val_loss, 0) if val_loss < lowest else (lowest, waited + 1)
        if waited == {number(config.decay_patience)}:
            factor, waited = factor * {number(config.decay_factor)}, 0
    """)
    if config.warmup > 0:
        condition = f"if epoch > {math.ceil(config.warmup)}:  # after the warmup"
        return [condition, *(f"    {line}" for line in lines)]
    return lines


def _exp(config: RunConfig) -> str:
    return f"math.exp(-{number(config.decay_rate)} * t)"


def _inv(config: RunConfig) -> str:
    return f"1 / (1 + {number(config.decay_rate)} * t)"


# 1e-9, because t is a sum of fractions that may be slightly below the epoch that it represents.
def _step(config: RunConfig) -> str:
    return f"{number(config.decay_factor)} ** math.floor(t / {number(config.decay_every)} + 1e-9)"


def _multistep(config: RunConfig) -> str:
    from nnlab.engine.schedules.step_decay import parse_milestones

    epochs = parse_milestones(config.decay_at or "", config.epochs)
    milestones = numbers([epoch - config.warmup for epoch in epochs])
    return f"{number(config.decay_factor)} ** sum(t + 1e-9 >= epoch for epoch in {milestones})"


def _cosine(config: RunConfig) -> str:
    total = number(config.epochs - config.warmup)
    progress = f"min(t / {total}, 1)"
    if config.decay_restarts:
        cycles = number(config.decay_restarts + 1)
        progress = f"((t / {total} * {cycles} + 1e-9) % 1)"
    return _above_floor(config, f"(1 + math.cos(math.pi * {progress})) / 2")


def _linear(config: RunConfig) -> str:
    return _above_floor(config, f"max(0, 1 - t / {number(config.epochs - config.warmup)})")


def _poly(config: RunConfig) -> str:
    total = number(config.epochs - config.warmup)
    return _above_floor(config, f"max(0, 1 - t / {total}) ** {number(config.decay_power)}")


def _onecycle(config: RunConfig) -> str:
    total = number(config.epochs - config.warmup)
    rise = number((config.decay_share or 0.0) * config.epochs)
    progress = f"(t - {rise}) / ({total} - {rise})"
    up = f"1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * t / {rise})) / 2"
    down = _above_floor(config, f"(1 + math.cos(math.pi * {progress})) / 2")
    return f"({up} if t < {rise} else {down})"


def _wsd(config: RunConfig) -> str:
    total = number(config.epochs - config.warmup)
    fall = number((config.decay_share or 0.0) * config.epochs)
    return _above_floor(config, f"min(1, max(0, ({total} - t) / {fall}))")


def _above_floor(config: RunConfig, text: str) -> str:
    """A factor from 1 to 0 as one from 1 to `decay_floor`."""
    floor = config.decay_floor or 0.0
    if not floor:
        return text
    return f"({number(floor)} + {number(1 - floor)} * {text})"


# Source of the factor of the learning rate, t epochs after the warmup, by schedule.
FACTORS: Mapping[str, Callable[[RunConfig], str]] = {
    "none": lambda _: "1.0",
    "exp": _exp,
    "inv": _inv,
    "step": _step,
    "multistep": _multistep,
    "cosine": _cosine,
    "linear": _linear,
    "poly": _poly,
    "onecycle": _onecycle,
    "plateau": lambda _: "factor",
    "wsd": _wsd,
}
