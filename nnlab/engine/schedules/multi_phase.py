"""Schedules of several phases: a rise, a stay, a fall; and one that moves once an epoch."""

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class OneCycle:
    """From lr0/25 up to lr0 over the first `rise` epochs, then down to `floor` lr0 at `total`.

    Both ways along half a cosine. Smith and Topin 2018, section 3; 25 as in fast.ai.

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


def _cosine_interpolation(first: float, last: float, share: float) -> float:
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * share))


@dataclass(frozen=True, slots=True)
class StableThenDecay:
    """lr0 until `fall` epochs are left of `total`, then a line down to `floor` lr0.

    With a warmup before it this is warmup-stable-decay: Hu et al. 2024, section 4.2.

    >>> [StableDecay(total=10, fall=4)(t) for t in (0.0, 6.0, 8.0, 10.0)]
    [1.0, 1.0, 0.5, 0.0]
    """

    total: float
    fall: float
    floor: float = 0.0

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        left = min(1.0, max(0.0, (self.total - t) / self.fall))
        return self.floor + (1.0 - self.floor) * left


@dataclass(frozen=True, slots=True)
class Warmup:
    """A linear rise over `length` epochs, then `after`, whose t starts at the rise's end.

    `step` is the length of a step in epochs: the first step already takes its share of lr0,
    the last one of the rise all of it.

    >>> rise = Warmup(length=2.0, step=0.5, after=lambda t: 0.5**t)
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


@dataclass(frozen=True, slots=True)
class PerEpoch:
    """The factor that `schedule` has at an epoch's start, for the whole epoch.

    >>> [PerEpoch(lambda t: 0.5**t)(t) for t in (0.0, 0.9, 1.0, 1.5)]
    [1.0, 1.0, 0.5, 0.5]
    """

    schedule: Schedule

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        return self.schedule(float(math.floor(t + 1e-9)))
