"""Schedules of the learning rate: pure functions of progress, t in epochs (fractions count).

A schedule answers with the factor that lr0 is multiplied by. It keeps no state, so a resumed
run needs none of it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from nnlab.config import RunConfig

Schedule = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Constant:
    """lr(t) = lr0."""

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        del t
        return 1.0


@dataclass(frozen=True, slots=True)
class Exponential:
    """lr(t) = lr0 exp(-k t), k in 1/epoch.

    >>> round(Exponential(k=0.1)(10.0), 4)
    0.3679
    """

    k: float

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        return math.exp(-self.k * t)


@dataclass(frozen=True, slots=True)
class Inverse:
    """lr(t) = lr0 / (1 + k t), k in 1/epoch.

    >>> Inverse(k=0.1)(10.0)
    0.5
    """

    k: float

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        return 1.0 / (1.0 + self.k * t)


@dataclass(frozen=True, slots=True)
class Step:
    """lr(t) = lr0 factor^floor(t / every), `every` in epochs.

    >>> [Step(every=10, factor=0.5)(t) for t in (9.99, 10.0, 25.0)]
    [1.0, 0.5, 0.25]
    """

    every: int
    factor: float

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        # 1e-9: step 10 of 10 a epoch is t = 1.0, though its sum in floating point may fall short.
        return float(self.factor ** math.floor(t / self.every + 1e-9))


@dataclass(frozen=True, slots=True)
class Cosine:
    """lr(t) = lr0 (1 + cos(pi t / total)) / 2, `total` in epochs.

    >>> [round(Cosine(total=10)(t), 4) for t in (0.0, 5.0, 10.0)]
    [1.0, 0.5, 0.0]
    """

    total: float

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        return 0.5 * (1.0 + math.cos(math.pi * min(t / self.total, 1.0)))


@dataclass(frozen=True, slots=True)
class Warmup:
    """A linear rise over `length` epochs, then `after`, whose t starts at the rise's end.

    `step` is the length of a step in epochs: the first step already takes its share of lr0,
    the last one of the rise all of it.

    >>> rise = Warmup(length=2.0, step=0.5, after=Step(every=1, factor=0.5))
    >>> [rise(t) for t in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.5]
    """

    length: float
    step: float
    after: Schedule

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        if t < self.length:
            return min(1.0, (t + self.step) / self.length)
        return self.after(t - self.length)


def schedule_of(config: RunConfig, steps: int) -> Schedule:
    """The schedule that a resolved config asks for, with so many steps in an epoch."""
    decay = _decay_of(config)
    return Warmup(config.warmup, 1 / steps, decay) if config.warmup > 0 else decay


def _decay_of(config: RunConfig) -> Schedule:
    match config.decay:
        case "none":
            return Constant()
        case "exp":
            assert config.decay_rate is not None
            return Exponential(config.decay_rate)
        case "inv":
            assert config.decay_rate is not None
            return Inverse(config.decay_rate)
        case "step":
            assert config.decay_every is not None
            assert config.decay_factor is not None
            return Step(config.decay_every, config.decay_factor)
        case "cosine":
            return Cosine(config.epochs - config.warmup)
        case other:
            raise ValueError(f"no schedule is called {other!r}")
