"""Step decays: every few epochs, at given epochs, or when the validation loss plateaus."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# t is a floating point sum that may be slightly below the epoch that it represents.
_EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class StepDecay:
    """lr(t) = lr0 factor^floor(t / interval), `interval` in epochs.

    >>> [StepDecay(interval=10, factor=0.5)(t) for t in (9.99, 10.0, 25.0)]
    [1.0, 0.5, 0.25]
    """

    interval: int
    factor: float

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        return float(self.factor ** math.floor(t / self.interval + _EPSILON))


@dataclass(frozen=True, slots=True)
class MultiStepDecay:
    """lr is multiplied by `factor` at each of the `milestones`, in epochs.

    >>> [MultiStepDecay(milestones=(3.0, 4.5), factor=0.1)(t) for t in (2.9, 3.0, 4.5)]
    [1.0, 0.1, 0.010000000000000002]
    """

    milestones: tuple[float, ...]
    factor: float

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        return float(self.factor ** sum(t + _EPSILON >= epoch for epoch in self.milestones))


def parse_milestones(text: str, epochs: int) -> tuple[float, ...]:
    """The epochs listed in `decay_at`; if all numbers are below 1, they are fractions of `epochs`.

    >>> parse_milestones("10,20", 30), parse_milestones("0.5,0.75", 30)
    ((10.0, 20.0), (15.0, 22.5))
    """
    numbers = tuple(float(part) for part in text.split(","))
    are_fractions = all(number < 1 for number in numbers)
    return tuple(number * epochs for number in numbers) if are_fractions else numbers


def count_plateau_drops(losses: Sequence[float], patience: int) -> int:
    """The number of times that the loss had no new minimum for `patience` epochs in a row.

    The count of epochs restarts after each drop. A NaN loss is never a new minimum.

    >>> count_plateau_drops([3.0, 2.0, 2.5, 2.0, 1.0], patience=2)
    1
    >>> count_plateau_drops([1.0, 2.0, 2.0, 2.0, 2.0], patience=2)
    2
    """
    best, waited, drops = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = loss if loss < best else best
        if waited == patience:
            drops, waited = drops + 1, 0
    return drops
