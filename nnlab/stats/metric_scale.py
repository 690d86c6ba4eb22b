"""The scale on which the trials of a table are compared: the one with the most similar spreads.

A loss of 2.3 varies more than one of 0.02, and an accuracy of 0.6 more than one of 0.99. On the
logarithm or the logit (or the arcsine, if the spread comes from counting few examples) their
spreads are similar, so that they can be estimated together.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from nnlab.objective import Limits


@dataclass(frozen=True, slots=True)
class MetricScale:
    """An increasing transformation of a metric, and its inverse, which is clipped to the limits."""

    name: str
    forward: Callable[[float], float]
    inverse: Callable[[float], float]


IDENTITY: Final = MetricScale("identity", float, float)


def candidate_scales(
    limits: Limits, values: Sequence[float], resolution: float | None
) -> tuple[MetricScale, ...]:
    """The scales that may fit the values of a metric, the plain one first.

    Args:
        limits: the smallest and largest value of the metric; values beyond them permit only the
            plain scale.
        values: all values of the table, finite.
        resolution: the smallest difference of two values, if it is known. A value at a limit is
            treated as half of it away from the limit; without it, as half of the smallest
            distance of another value.
    """
    low, high = limits
    if not values or min(values) < low or max(values) > high or min(values) == max(values):
        return (IDENTITY,)
    if math.isfinite(low) and math.isfinite(high):
        if (low, high) != (0.0, 1.0):
            return (IDENTITY,)
        margin = _margin((min(value, 1 - value) for value in values), resolution)
        return (IDENTITY, _arcsine(margin), _logit(margin)) if margin is not None else (IDENTITY,)
    if math.isfinite(low):
        margin = _margin((value - low for value in values), resolution)
        return (IDENTITY, _log_above(low, margin)) if margin is not None else (IDENTITY,)
    if math.isfinite(high):
        margin = _margin((high - value for value in values), resolution)
        return (IDENTITY, _log_below(high, margin)) if margin is not None else (IDENTITY,)
    return (IDENTITY,)


def _margin(distances: Iterable[float], resolution: float | None) -> float | None:
    """The distance from the limit that a value at the limit has; 0 if there are none there."""
    distances = list(distances)
    if min(distances) > 0:
        return 0.0
    positive = [distance for distance in distances if distance > 0]
    smallest = min(positive, default=None)
    if resolution is not None and (smallest is None or resolution <= 2 * smallest):
        return resolution / 2
    return None if smallest is None else smallest / 2


def _logit(margin: float) -> MetricScale:
    def inverse(x: float) -> float:
        share = 1 / (1 + math.exp(-x)) if x > 0 else 1 - 1 / (1 + math.exp(x))
        return _from_inner(share, margin)

    def forward(value: float) -> float:
        share = _to_inner(value, margin)
        return math.log(share / (1 - share))

    return MetricScale("logit", forward, lambda x: inverse(min(max(x, -700.0), 700.0)))


def _arcsine(margin: float) -> MetricScale:
    def inverse(x: float) -> float:
        return _from_inner(math.sin(min(max(x, 0.0), math.pi / 2)) ** 2, margin)

    return MetricScale(
        "arcsine", lambda value: math.asin(math.sqrt(_to_inner(value, margin))), inverse
    )


def _to_inner(value: float, margin: float) -> float:
    """A fraction moved away from 0 and 1: (k + 1/2) / (n + 1) for k of n if 1/2n is the margin."""
    return (value + margin) / (1 + 2 * margin)


def _from_inner(share: float, margin: float) -> float:
    return min(max(share * (1 + 2 * margin) - margin, 0.0), 1.0)


def _log_above(low: float, margin: float) -> MetricScale:
    return MetricScale(
        "log",
        lambda value: math.log(value - low + margin),
        lambda x: max(low + math.exp(min(x, 700.0)) - margin, low),
    )


def _log_below(high: float, margin: float) -> MetricScale:
    return MetricScale(
        "log",
        lambda value: -math.log(high - value + margin),
        lambda x: min(high - math.exp(min(-x, 700.0)) + margin, high),
    )
