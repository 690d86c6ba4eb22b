"""Continuous piecewise linear fits, which locate the changes of slope of a curve.

This is segmented regression (Hinkley 1971): breakpoints are found by search, and the slopes by
least squares. The number of breakpoints is selected by BIC (Schwarz 1978), with three parameters
per breakpoint; with two (position and change of slope), noise caused pieces of two epochs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_BREAKPOINTS = 5
# Longer curves are averaged down to this many points, because the search makes one fit per point.
MAX_POINTS = 200
# Parameters per breakpoint in the BIC.
_PARAMETERS_PER_BREAKPOINT = 3
# The fewest points between two breakpoints, and from the last breakpoint to the end.
_MIN_DISTANCE, _MIN_TAIL = 2, 4
# Residual sum of squares that rounding leaves, relative to the sum of squares of the values.
_ROUNDING = 1e-20


@dataclass(frozen=True, slots=True)
class PiecewiseFit:
    """A fit: increasing indices of its `breakpoints`, and one more `slopes` of the pieces.

    `fit` holds the fitted value at each index of the curve.
    """

    breakpoints: tuple[int, ...]
    slopes: tuple[float, ...]
    fit: tuple[float, ...]


def fit_piecewise_linear(values: Sequence[float]) -> PiecewiseFit:
    """The piecewise linear fit of evenly spaced finite values (shape [n], n >= 2).

    >>> fit_piecewise_linear([6.0, 4.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).breakpoints
    (3,)
    """
    import numpy as np  # here, because importing numpy delays commands that do not need it

    y = np.asarray(values, dtype=np.float64)
    stride = math.ceil(len(y) / MAX_POINTS)
    used_length = len(y) // stride * stride
    coarse = y[:used_length].reshape(-1, stride).mean(axis=1)
    breakpoints = [index * stride for index in _find_breakpoints(coarse)]
    indices = np.arange(len(y), dtype=np.float64)
    design = _design_matrix(indices, breakpoints)
    coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
    return PiecewiseFit(
        tuple(breakpoints),
        tuple(np.cumsum(coefficients[1:]).tolist()),
        tuple((design @ coefficients).tolist()),
    )


def linear_slope(values: Sequence[float]) -> float:
    """The least-squares slope of evenly spaced values (shape [n]).

    >>> linear_slope([1.0, 3.0, 5.0])
    2.0
    """
    center = (len(values) - 1) / 2
    covariance = math.fsum((index - center) * value for index, value in enumerate(values))
    return covariance / math.fsum((index - center) ** 2 for index in range(len(values)))


def noise_sd(values: Sequence[float]) -> float:
    """The sd of independent noise on a smooth curve (shape [n]); NaN for fewer than three values.

    It is computed from the difference of each value to the mean of its neighbours, which a
    constant slope does not affect (Gasser, Sroka and Jennen-Steinmetz 1986).

    >>> noise_sd([5.0, 4.0, 3.0, 2.0])
    0.0
    """
    if len(values) < 3:
        return math.nan
    deviations = (
        values[i] - (values[i - 1] + values[i + 1]) / 2 for i in range(1, len(values) - 1)
    )
    return math.sqrt(
        math.fsum(deviation**2 for deviation in deviations) / (1.5 * (len(values) - 2))
    )


def _find_breakpoints(y: "Floats") -> list[int]:
    """The breakpoints of the fit with the lowest BIC."""
    n = len(y)
    rounding = _ROUNDING * float(y @ y) + 1e-300
    breakpoints: list[int] = []
    best, best_score = (
        breakpoints,
        n * math.log((_residual_sum_of_squares(y, breakpoints) + rounding) / n),
    )
    for count in range(1, MAX_BREAKPOINTS + 1):
        added = _add_breakpoint(y, breakpoints)
        if added is None:
            break
        breakpoints = _refine_breakpoints(y, added)
        squares = _residual_sum_of_squares(y, breakpoints) + rounding
        score = n * math.log(squares / n) + _PARAMETERS_PER_BREAKPOINT * count * math.log(n)
        if score < best_score:
            best, best_score = breakpoints, score
    return best


def _add_breakpoint(y: "Floats", breakpoints: Sequence[int]) -> list[int] | None:
    """The breakpoints with the best additional one; None if there is no room for another."""
    candidates = [
        index
        for index in range(1, len(y) - _MIN_TAIL)
        if _is_allowed_breakpoint(index, breakpoints)
    ]
    if not candidates:
        return None
    best = min(
        candidates, key=lambda index: _residual_sum_of_squares(y, sorted([*breakpoints, index]))
    )
    return sorted([*breakpoints, best])


def _refine_breakpoints(y: "Floats", breakpoints: list[int]) -> list[int]:
    """Moves each breakpoint in turn to its best position given the others, until none moves."""
    for _ in range(MAX_BREAKPOINTS):
        before = breakpoints
        for moved in before:
            others = [index for index in breakpoints if index != moved]
            breakpoints = _add_breakpoint(y, others) or breakpoints
        if breakpoints == before:
            break
    return breakpoints


def _is_allowed_breakpoint(index: int, breakpoints: Sequence[int]) -> bool:
    return all(abs(index - breakpoint_index) >= _MIN_DISTANCE for breakpoint_index in breakpoints)


def _residual_sum_of_squares(y: "Floats", breakpoints: Sequence[int]) -> float:
    """The residual sum of squares of the least-squares fit with these breakpoints."""
    import numpy as np  # here for the same reason

    design = _design_matrix(np.arange(len(y), dtype=np.float64), breakpoints)
    # The normal equations take a tenth of the time of a decomposition; there are few columns.
    coefficients = np.linalg.solve(design.T @ design, design.T @ y)
    residuals = y - design @ coefficients
    return float(residuals @ residuals)


def _design_matrix(indices: "Floats", breakpoints: Sequence[int]) -> "Floats":
    """Columns of ones and of indices, and for each breakpoint the distance of an index after it."""
    import numpy as np  # here for the same reason

    hinges = [np.maximum(indices - index, 0.0) for index in breakpoints]
    return np.column_stack([np.ones_like(indices), indices, *hinges])
