"""Decays by jumps: every few epochs, at given epochs, or where the validation loss stands still."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# A step's t is a sum in floating point, which may fall short of the epoch that it stands for.
_EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class StepDecay:
    """lr(t) = lr0 factor^floor(t / every), `every` in epochs.

    >>> [Step(every=10, factor=0.5)(t) for t in (9.99, 10.0, 25.0)]
    [1.0, 0.5, 0.25]
    """

    every: int
    factor: float

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        return float(self.factor ** math.floor(t / self.every + _EPSILON))


@dataclass(frozen=True, slots=True)
class MultiStepDecay:
    """lr times `factor` at each of the epochs `at`.

    >>> [MultiStep(at=(3.0, 4.5), factor=0.1)(t) for t in (2.9, 3.0, 4.5)]
    [1.0, 0.1, 0.010000000000000002]
    """

    at: tuple[float, ...]
    factor: float

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        return float(self.factor ** sum(t + _EPSILON >= epoch for epoch in self.at))


def parse_milestones(text: str, epochs: int) -> tuple[float, ...]:
    """The epochs that `decay_at` names; where all are below 1 they are shares of all epochs.

    >>> milestones("10,20", 30), milestones("0.5,0.75", 30)
    ((10.0, 20.0), (15.0, 22.5))
    """
    numbers = tuple(float(part) for part in text.split(","))
    shares = all(number < 1 for number in numbers)
    return tuple(number * epochs for number in numbers) if shares else numbers


def count_plateau_drops(losses: Sequence[float], patience: int) -> int:
    """How often `patience` epochs in a row had no new best loss; the count then starts anew.

    A loss that is no number is never a new best.

    >>> drops([3.0, 2.0, 2.5, 2.0, 1.0], patience=2), drops([1.0, 2.0, 2.0, 2.0, 2.0], 2)
    (1, 2)
    """
    best, waited, found = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = loss if loss < best else best
        if waited == patience:
            found, waited = found + 1, 0
    return found
