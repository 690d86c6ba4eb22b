"""Schedules of several phases, and a schedule that changes once per epoch."""

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class OneCycle:
    """From lr0/25 up to lr0 over the first `rise` epochs, then down to `floor` lr0 at `total`.

    Both phases are half a cosine. Smith and Topin 2018, section 3; the factor 25 is that of
    fast.ai.

    >>> [round(OneCycle(total=10, rise=4)(t), 4) for t in (0.0, 2.0, 4.0, 7.0, 10.0)]
    [0.04, 0.52, 1.0, 0.5, 0.0]
    """

    total: float
    rise: float
    floor: float = 0.0
    start: float = 1 / 25

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        if t < self.rise:
            return _cosine_interpolation(self.start, 1.0, t / self.rise)
        return _cosine_interpolation(
            1.0, self.floor, min(1.0, (t - self.rise) / (self.total - self.rise))
        )


def _cosine_interpolation(first: float, last: float, progress: float) -> float:
    """Half a cosine from `first` (progress 0) to `last` (progress 1)."""
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * progress))


@dataclass(frozen=True, slots=True)
class StableThenDecay:
    """Constant lr0 until `fall` epochs before `total`, then linear decay to `floor` lr0.

    With a warmup before it this is warmup-stable-decay: Hu et al. 2024, section 4.2.

    >>> [StableThenDecay(total=10, fall=4)(t) for t in (0.0, 6.0, 8.0, 10.0)]
    [1.0, 1.0, 0.5, 0.0]
    """

    total: float
    fall: float
    floor: float = 0.0

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        remaining = min(1.0, max(0.0, (self.total - t) / self.fall))
        return self.floor + (1.0 - self.floor) * remaining


@dataclass(frozen=True, slots=True)
class Warmup:
    """A linear warmup over `length` epochs, then `following`, whose t starts after the warmup.

    `step` is the length of a step in epochs: the first step already uses its part of lr0, and the
    last step of the warmup uses lr0.

    >>> warmup = Warmup(length=2.0, step=0.5, following=lambda t: 0.5**t)
    >>> [warmup(t) for t in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.5]
    """

    length: float
    step: float
    following: Schedule

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        if t < self.length:
            return min(1.0, (t + self.step) / self.length)
        return self.following(t - self.length)


@dataclass(frozen=True, slots=True)
class PerEpoch:
    """Keeps the factor that `schedule` has at the start of an epoch for the whole epoch.

    >>> [PerEpoch(lambda t: 0.5**t)(t) for t in (0.0, 0.9, 1.0, 1.5)]
    [1.0, 1.0, 0.5, 0.5]
    """

    schedule: Schedule

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        return self.schedule(float(math.floor(t + 1e-9)))
