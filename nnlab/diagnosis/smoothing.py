"""Smoothing and noise estimates of short curves, with the standard library only."""

import math
from collections.abc import Sequence

# The ratio of the sd of normal values to the median of their magnitudes.
_MEDIAN_TO_SD = 1.4826


def low_median(values: Sequence[float]) -> float:
    """The lower median of a non-empty sequence.

    `statistics.median_low` is not used, because importing that module takes longer than all rules.
    """
    return sorted(values)[(len(values) - 1) // 2]


def smoothing_half_width(n: int) -> int:
    """The number of neighbours on each side in the running mean of `smooth_curve`, for n values."""
    return 0 if n < 8 else 1 if n < 20 else 2 if n < 60 else 3


def smooth_curve(values: Sequence[float]) -> list[float]:
    """The running mean of a running median of three, which removes single spikes.

    Both windows shrink at the ends, and that of the mean grows with the length of the curve.
    Curves with fewer than eight values are returned unchanged.
    """
    half_width = smoothing_half_width(len(values))
    return _running_mean(_running_median(values), half_width) if half_width else list(values)


def sd_around_rising_fit(values: Sequence[float]) -> float:
    """The standard deviation of `values` around their best non-decreasing fit.

    It measures oscillation but not a steady rise of any shape, and is 0 for a curve that only
    rises. Every level of the fit costs a degree of freedom.
    """
    fit, levels = _isotonic_fit(values)
    residuals = [value - level for value, level in zip(values, fit, strict=True)]
    squares = sum(residual**2 for residual in residuals)
    return math.sqrt(squares / max(len(values) - levels, 1))


def sd_around_falling_fit(values: Sequence[float]) -> float:
    """The standard deviation around the best non-increasing fit; 0 if the curve only falls."""
    return sd_around_rising_fit([-value for value in values])


def oscillation_sd(values: Sequence[float]) -> float:
    """The sd of the oscillation from value to value; 0 for fewer than three and a straight line.

    It is computed from the difference of each value to the mean of its neighbours, which neither a
    slope nor a slow wave affects (Gasser, Sroka and Jennen-Steinmetz 1986). The median of these
    differences is used, so that single jumps, as at a step of the learning rate, have no effect.
    """
    if len(values) < 3:
        return 0.0
    deviations = [
        abs(values[i] - (values[i - 1] + values[i + 1]) / 2) for i in range(1, len(values) - 1)
    ]
    return low_median(deviations) * _MEDIAN_TO_SD / math.sqrt(1.5)


def _isotonic_fit(values: Sequence[float]) -> tuple[list[float], int]:
    """The least-squares non-decreasing fit, and its number of levels.

    This is isotonic regression by pooling adjacent violators (Ayer et al. 1955), in linear time.
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
        width = min(half, i, n - 1 - i)  # symmetric, or a slope would shift the ends
        window = values[i - width : i + width + 1]
        means.append(sum(window) / len(window))
    return means
