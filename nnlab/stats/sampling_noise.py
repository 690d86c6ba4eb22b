"""The least spread that a metric has because it counts few examples, or is rounded.

Three seeds with 20 of 22 correct examples have no spread at all. But if a seed classifies each
example correctly with the same probability, its accuracy has the variance of a binomial fraction.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

# Gaps between values that are no multiples of the smallest, up to this fraction, are no lattice.
_LATTICE_TOLERANCE = 1e-3
# A lattice of more steps than this between its ends is not distinguishable from real numbers.
_MAX_STEPS = 100_000
_MIN_DISTINCT = 3


@dataclass(frozen=True, slots=True)
class SamplingNoise:
    """What is known of the noise of one value: the number of examples, or the rounding step.

    `examples` is None if the metric is no fraction of examples. `step` is the smallest difference
    of two values, or None.
    """

    examples: int | None = None
    step: float | None = None

    @property
    def resolution(self) -> float | None:
        """The smallest difference of two values, if it is known."""
        return 1 / self.examples if self.examples else self.step

    def variance(self, values: Sequence[float]) -> float:
        """The least variance of one of these values; 0 if nothing is known.

        Half an example is added to the correct and to the wrong ones, so that it is not 0 if all
        examples are correct (Agresti and Coull 1998).
        """
        if self.examples is not None and all(0 <= value <= 1 for value in values):
            count = len(values) * self.examples
            share = (math.fsum(values) * self.examples + 0.5) / (count + 1)
            return share * (1 - share) / self.examples
        return self.step**2 / 12 if self.step is not None else 0.0


def lattice_step(values: Iterable[float]) -> float | None:
    """The step of which all differences of values are multiples; None if there is none.

    >>> lattice_step([20 / 22, 21 / 22, 18 / 22, 20 / 22]) * 22
    1.0
    >>> lattice_step([0.1234, 0.9177, 0.3313, 0.3141]) is None
    True
    """
    distinct = sorted(set(values))
    if len(distinct) < _MIN_DISTINCT:
        return None
    # Values that differ by rounding errors are equal.
    tiny = 1e-12 * max(abs(distinct[0]), abs(distinct[-1]))
    gaps = [high - low for low, high in pairwise(distinct) if high - low > tiny]
    if len(gaps) < _MIN_DISTINCT - 1:
        return None
    step = min(gaps)
    if (distinct[-1] - distinct[0]) / step > _MAX_STEPS:
        return None
    ratios = [gap / step for gap in gaps]
    is_lattice = all(abs(ratio - round(ratio)) <= _LATTICE_TOLERANCE * ratio for ratio in ratios)
    return round_step(step) if is_lattice and _is_no_accident(ratios) else None


def _is_no_accident(ratios: Sequence[float]) -> bool:
    """Whether so many integer ratios are improbable for real numbers."""
    others = sorted(ratios)[1:]
    probability = math.prod(min(1.0, 2 * _LATTICE_TOLERANCE * ratio) for ratio in others)
    return probability < 0.05


def round_step(step: float) -> float:
    """The step as one n-th, if it is one up to the rounding of the values."""
    count = 1 / step
    return 1 / round(count) if count > 1 and abs(count - round(count)) < 1e-3 else step
