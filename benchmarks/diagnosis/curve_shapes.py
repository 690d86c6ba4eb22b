"""Building blocks of the simulated curves: decays, rises after a minimum, and kinds of noise.

All functions work on arrays with one value per epoch. Random values come from the generator that
is passed, so that a draw is deterministic.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform between those of the limits."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def epochs_between(rng: np.random.Generator, low: int, high: int) -> int:
    """A number of epochs, log-uniform."""
    return round(log_uniform(rng, low, high))


def progress(n: int) -> Values:
    """The progress of training at every epoch, from 0 to 1."""
    return np.linspace(0.0, 1.0, n)


def decay(n: int, start: float, end: float, rate: float) -> Values:
    """An exponential decay from `start` towards `end`, `rate` time constants over the run."""
    return np.asarray(end + (start - end) * np.exp(-rate * progress(n)))


def power_law(n: int, start: float, end: float, power: float) -> Values:
    """A decay from `start` towards `end` like a power of the number of the epoch."""
    return np.asarray(end + (start - end) * np.arange(1, n + 1, dtype=float) ** -power)


def u_shape(
    n: int, start: float, best: float, last: float, turn: float, shape: Callable[[Values], Values]
) -> Values:
    """A decay from `start` to `best` at the share `turn` of the run, then a rise to `last`.

    `shape` maps [0, 1] to [0, 1] and sets the form of the rise.
    """
    at = min(max(1, round(turn * n)), n - 2)
    falling = best + (start - best) * (1 - np.arange(at) / at) ** 2
    return np.concatenate([falling, best + (last - best) * shape(progress(n - at))])


def linear(x: Values) -> Values:
    """A straight rise."""
    return x


def accelerating(x: Values) -> Values:
    """A rise that becomes steeper."""
    return x**2


def saturating(x: Values) -> Values:
    """A rise that becomes flatter."""
    return np.asarray((1 - np.exp(-3 * x)) / (1 - math.exp(-3)))


def logarithmic(x: Values) -> Values:
    """A rise like the logarithm of the epoch, as cross entropy shows when weights grow."""
    return np.asarray(np.log1p(50 * x) / math.log(51))


def noise(rng: np.random.Generator, n: int, sd: float, correlation: float = 0.0) -> Values:
    """Normal noise; with a correlation, each value depends on the previous one (AR(1))."""
    fresh = rng.normal(0, sd * math.sqrt(1 - correlation**2), n)
    if not correlation:
        return fresh
    values = np.empty(n)
    level = rng.normal(0, sd)
    for i in range(n):
        level = correlation * level + fresh[i]
        values[i] = level
    return values


def multiplied_noise(rng: np.random.Generator, values: Values, share: float) -> Values:
    """The values times log-normal noise with this standard deviation."""
    return np.asarray(values * np.exp(rng.normal(0, share, len(values))))


def learned_accuracy(n: int, start: float, end: float, rate: float) -> Values:
    """An accuracy that rises from `start` to `end`."""
    return decay(n, start, end, rate)
