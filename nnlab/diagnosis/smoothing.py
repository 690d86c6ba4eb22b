"""Smoothing and noise estimates of short curves, with the standard library only."""

import math
from collections.abc import Sequence

from nnlab.diagnosis.loss_pair import UNGROUPED_VALIDATIONS

# The ratio of the sd of normal values to the median of their magnitudes.
_MEDIAN_TO_SD = 1.4826

# Curves with fewer values are not smoothed over epochs; longer ones have windows of five or more.
_MIN_SMOOTHED, _LONG_CURVE = 8, 20
# The number of groups of a `LossPair`, each of 2 % of the epoch, that span 10 % of the epoch.
_GROUPS = 5


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


def smooth_over_epochs(values: Sequence[float]) -> tuple[list[float], list[int]]:
    """A curve smoothed over windows that grow with the epoch, and the number of values in each.

    A window spans about 10 % of the epoch to each side, because a loss changes on a logarithmic
    scale of time: an early minimum keeps its resolution, and a late one is not the luckiest of many
    epochs. Single spikes are removed first, by a running median of three. The windows shrink at the
    ends. Curves with fewer than eight values are returned unchanged.

    Args:
        values: the values of a `LossPair`, which are averaged in groups from a certain point on.
    """
    n = len(values)
    if n < _MIN_SMOOTHED:
        return list(values), [1] * n
    total = [0.0]
    for value in _running_median(values):
        total.append(total[-1] + value)
    narrowest = 1 if n < _LONG_CURVE else 2
    halves = [
        min(i, n - 1 - i, max(narrowest, i // 10) if i < UNGROUPED_VALIDATIONS else _GROUPS)
        for i in range(n)
    ]
    means = [(total[i + h + 1] - total[i - h]) / (2 * h + 1) for i, h in enumerate(halves)]
    return means, [2 * half + 1 for half in halves]


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


def fall_in_ranks(values: Sequence[float]) -> float:
    """How significantly values fall with their position: about normal, sd 1, without a trend.

    It is Spearman's rank correlation with the position, negated and multiplied by sqrt(n - 1).
    Noise in proportion to the value hardly affects ranks. 0 for fewer than three values.
    """
    n = len(values)
    if n < 3:
        return 0.0
    order = sorted(range(n), key=values.__getitem__)
    covariance = squares = 0.0
    start = 0
    while start < n:
        stop = start + 1
        while stop < n and values[order[stop]] == values[order[start]]:
            stop += 1
        rank = (start + stop - n) / 2  # equal values share their mean rank, counted from the middle
        covariance += rank * sum(position - (n - 1) / 2 for position in order[start:stop])
        squares += rank * rank * (stop - start)
        start = stop
    scale = math.sqrt(squares * n * (n * n - 1) / 12)
    return -covariance / scale * math.sqrt(n - 1) if scale > 0 else 0.0


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
