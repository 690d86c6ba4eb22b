"""Derivatives of the logarithm of the gamma function, without scipy, whose import takes long.

They are the mean and the variance of the logarithm of a sample variance (Smyth 2004). The series
are those of Abramowitz and Stegun 6.3.18 and 6.4.12; tests compare them with scipy.
"""

import math

# The asymptotic series are accurate to 1e-12 above this argument.
_SERIES_FROM = 12.0


def digamma(x: float) -> float:
    """The first derivative of log gamma, for x > 0.

    >>> round(digamma(1.0), 6)
    -0.577216
    """
    total = 0.0
    while x < _SERIES_FROM:
        total -= 1 / x
        x += 1
    y = 1 / (x * x)
    return total + math.log(x) - 0.5 / x - y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y / 240)))


def trigamma(x: float) -> float:
    """The second derivative of log gamma, for x > 0.

    >>> round(trigamma(1.0), 6)
    1.644934
    """
    total = 0.0
    while x < _SERIES_FROM:
        total += 1 / (x * x)
        x += 1
    y = 1 / (x * x)
    return total + 1 / x + y / 2 + y / x * (1 / 6 - y * (1 / 30 - y * (1 / 42 - y / 30)))


def third_trigamma_derivative(x: float) -> float:
    """The fourth derivative of log gamma, for x > 0: the fourth cumulant of log gamma variables.

    >>> round(third_trigamma_derivative(1.0), 6)
    6.493939
    """
    total = 0.0
    while x < _SERIES_FROM:
        total += 6 / x**4
        x += 1
    y = 1 / (x * x)
    return total + y / x * (2 + 3 / x + y * (2 - y * (1 - y * (4 / 3 - 3 * y))))


def inverse_trigamma(value: float) -> float:
    """The x at which trigamma equals a positive value, by Newton's method (Smyth 2004, appendix).

    >>> round(inverse_trigamma(1.6449340668), 6)
    1.0
    """
    if value > 1e7:
        return 1 / math.sqrt(value)
    if value < 1e-6:
        return 1 / value
    x = 0.5 + 1 / value
    for _ in range(50):
        ratio = trigamma(x)
        # 1 / trigamma is convex and nearly linear, so its Newton steps never overshoot.
        step = ratio * (1 - ratio / value) / _tetragamma(x)
        x += step
        if -step / x < 1e-10:
            break
    return x


def _tetragamma(x: float) -> float:
    """The third derivative of log gamma, for x > 0."""
    total = 0.0
    while x < _SERIES_FROM:
        total -= 2 / x**3
        x += 1
    y = 1 / (x * x)
    return total - y - y / x - y * y * (1 / 2 - y * (1 / 6 - y * (1 / 6 - y * 3 / 10)))
