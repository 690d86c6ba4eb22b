"""Smooth decays: lr as a formula of t, in epochs after the warmup."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constant:
    """lr(t) = factor lr0."""

    factor: float = 1.0

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        del t
        return self.factor


@dataclass(frozen=True, slots=True)
class ExponentialDecay:
    """lr(t) = lr0 exp(-k t), k in 1/epoch.

    >>> round(ExponentialDecay(k=0.1)(10.0), 4)
    0.3679
    """

    k: float

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        return math.exp(-self.k * t)


@dataclass(frozen=True, slots=True)
class InverseTimeDecay:
    """lr(t) = lr0 / (1 + k t), k in 1/epoch.

    >>> InverseTimeDecay(k=0.1)(10.0)
    0.5
    """

    k: float

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        return 1.0 / (1.0 + self.k * t)


@dataclass(frozen=True, slots=True)
class CosineDecay:
    """Half a cosine from lr0 down to `floor` lr0 over `total` epochs.

    With `restarts` the epochs are divided into cycles of equal length, and each cycle starts at
    lr0: Loshchilov and Hutter 2017, eq. 5, with T_mult = 1.

    >>> [round(CosineDecay(total=10)(t), 4) for t in (0.0, 5.0, 10.0)]
    [1.0, 0.5, 0.0]
    >>> [round(CosineDecay(total=10, restarts=1)(t), 4) for t in (0.0, 2.5, 5.0, 10.0)]
    [1.0, 0.5, 1.0, 0.0]
    """

    total: float
    restarts: int = 0
    floor: float = 0.0

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        progress = min(t / self.total, 1.0)
        if self.restarts:
            cycles = progress * (self.restarts + 1)
            # 1e-9, because t is a floating point number that may be slightly below a cycle's end.
            progress = min(1.0, max(0.0, cycles - min(math.floor(cycles + 1e-9), self.restarts)))
        return self.floor + (1.0 - self.floor) * 0.5 * (1.0 + math.cos(math.pi * progress))


@dataclass(frozen=True, slots=True)
class PolynomialDecay:
    """lr(t) = lr0 (floor + (1 - floor) (1 - t / total)^power); linear for power 1.

    >>> [round(PolynomialDecay(total=10, power=2.0)(t), 4) for t in (0.0, 5.0, 10.0)]
    [1.0, 0.25, 0.0]
    """

    total: float
    power: float = 1.0
    floor: float = 0.0

    def __call__(self, t: float) -> float:
        """The factor at `t` epochs."""
        remaining = max(0.0, 1.0 - t / self.total)
        return float(self.floor + (1.0 - self.floor) * remaining**self.power)
