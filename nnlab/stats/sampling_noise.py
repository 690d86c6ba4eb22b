"""The least spread that a metric has because it counts few examples, or is rounded.

Three seeds with 20 of 22 correct examples have no spread at all. But if a seed classifies each
example correctly with the same probability, its accuracy has the variance of a binomial fraction.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

# Gaps that are multiples of a step, up to this fraction of it, are a lattice, unless gaps between
# real numbers would be with this probability. The smallest gap may be several steps.
_LATTICE_TOLERANCE, _MAX_ACCIDENT = 1e-3, 0.05
_MAX_DIVISOR = 20
# A lattice with gaps of more steps is not distinguishable from real numbers.
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
    for divisor in range(1, _MAX_DIVISOR + 1):
        step = min(gaps) / divisor
        ratios = sorted(gap / step for gap in gaps)
        if ratios[-1] > _MAX_STEPS:
            return None
        if all(abs(ratio - round(ratio)) <= _LATTICE_TOLERANCE for ratio in ratios):
            # The first ratio is the divisor; the others fit by accident with this probability.
            accident = divisor * (2 * _LATTICE_TOLERANCE) ** (len(ratios) - 1)
            return round_step(step) if accident < _MAX_ACCIDENT else None
    return None


def round_step(step: float) -> float:
    """The step as one n-th, if it is one up to the rounding of the values."""
    count = 1 / step
    return 1 / round(count) if count > 1 and abs(count - round(count)) < 1e-3 else step
