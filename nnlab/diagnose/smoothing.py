"""Noise taken out of short curves, with the standard library alone."""

import math
from collections.abc import Sequence

# Of normal values: their sd over the median of their size.
_MEDIAN_TO_SD = 1.4826


def low_median(values: Sequence[float]) -> float:
    """The middle value, or the lower of the two middle ones, of a non-empty sequence.

    Not from `statistics`: that module alone imports for longer than all rules together.
    """
    return sorted(values)[(len(values) - 1) // 2]


def smoothing_half_width(n: int) -> int:
    """How many neighbours on each side the running mean of `smooth_curve` takes, for n values."""
    return 0 if n < 8 else 1 if n < 20 else 2 if n < 60 else 3


def smooth_curve(values: Sequence[float]) -> list[float]:
    """A running median of three (against single spikes), then a running mean.

    Both windows shrink at the ends, and the mean's grows with the length: curves below eight
    values pass unchanged, because there each value is most of what is known.
    """
    reach = smoothing_half_width(len(values))
    return _running_mean(_running_median(values), reach) if reach else list(values)


def sd_around_rising_fit(values: Sequence[float]) -> float:
    """The standard deviation of `values` around the best curve that never falls.

    Oscillation counts as scatter, a steady rise of any shape does not: 0 for a curve that only
    rises. Every level that the fit chose costs a degree of freedom.
    """
    fit, levels = _isotonic_fit(values)
    residuals = [value - level for value, level in zip(values, fit, strict=True)]
    squares = sum(residual**2 for residual in residuals)
    return math.sqrt(squares / max(len(values) - levels, 1))


def sd_around_falling_fit(values: Sequence[float]) -> float:
    """The same around the best curve that never rises: 0 for a curve that only falls."""
    return sd_around_rising_fit([-value for value in values])


def oscillation_sd(values: Sequence[float]) -> float:
    """The sd of what goes up and down from value to value; 0 below three, and for a straight line.

    From what each value differs by from the middle of its neighbours, so that neither a slope nor
    a slow wave counts (Gasser, Sroka and Jennen-Steinmetz 1986); the median of that, so that
    single jumps, as at a step of the learning rate, do not count either.
    """
    if len(values) < 3:
        return 0.0
    bends = [
        abs(values[i] - (values[i - 1] + values[i + 1]) / 2) for i in range(1, len(values) - 1)
    ]
    return low_median(bends) * _MEDIAN_TO_SD / math.sqrt(1.5)


def _isotonic_fit(values: Sequence[float]) -> tuple[list[float], int]:
    """The closest curve that never falls, and its number of levels.

    Isotonic regression by pooling adjacent violators (Ayer et al. 1955), linear in the length.
    """
    sums: list[float] = []
    sizes: list[int] = []
    for value in values:
        total, size = value, 1
        while sums and sums[-1] * size >= total * sizes[-1]:
            total += sums.pop()
            size += sizes.pop()
        sums.append(total)
        sizes.append(size)
    fit = [total / size for total, size in zip(sums, sizes, strict=True) for _ in range(size)]
    return fit, len(sums)


def _running_median(values: Sequence[float]) -> list[float]:
    middle = [sorted(values[i - 1 : i + 2])[1] for i in range(1, len(values) - 1)]
    return [values[0], *middle, values[-1]]


def _running_mean(values: Sequence[float], half: int) -> list[float]:
    n = len(values)
    means = []
    for i in range(n):
        side = min(half, i, n - 1 - i)  # symmetric, or a slope would shift the ends
        window = values[i - side : i + side + 1]
        means.append(sum(window) / len(window))
    return means
