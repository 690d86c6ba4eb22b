"""A curve as straight pieces that join: where its slope changes.

Segmented regression (Hinkley 1971): the joints are searched for, the line is least squares. How
many joints there are is decided by the criterion of Schwarz 1978 (BIC), with three parameters for a
joint: with two, for its place and the change of slope, noise made joints of two epochs' length.
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
# Longer curves are averaged down to so many points: the search takes as many fits for a joint.
MAX_POINTS = 200
# Parameters that a joint counts for.
_PARAMETERS_PER_BREAKPOINT = 3
# Points between two joints, and from the last joint to the end: a slope needs some.
_MIN_DISTANCE, _MIN_TAIL = 2, 4
# Squares that rounding alone leaves, relative to those of the values.
_ROUNDING = 1e-20


@dataclass(frozen=True, slots=True)
class PiecewiseFit:
    """`joints` are places in the curve, rising; `slopes` those of the pieces, one more.

    `fit` is the line at every place of the curve.
    """

    breakpoints: tuple[int, ...]
    slopes: tuple[float, ...]
    fit: tuple[float, ...]


def fit_piecewise_linear(values: Sequence[float]) -> PiecewiseFit:
    """Fits joined straight pieces to evenly spaced finite values (shape [n], n from 2 on).

    >>> pieces_of([6.0, 4.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).joints
    (3,)
    """
    import numpy as np

    y = np.asarray(values, dtype=np.float64)
    stride = math.ceil(len(y) / MAX_POINTS)
    whole = len(y) // stride * stride
    coarse = y[:whole].reshape(-1, stride).mean(axis=1)
    joints = [joint * stride for joint in _find_breakpoints(coarse)]
    places = np.arange(len(y), dtype=np.float64)
    basis = _design_matrix(places, joints)
    weights = np.linalg.lstsq(basis, y, rcond=None)[0]
    return PiecewiseFit(
        tuple(joints), tuple(np.cumsum(weights[1:]).tolist()), tuple((basis @ weights).tolist())
    )


def linear_slope(values: Sequence[float]) -> float:
    """The slope of the straight line through evenly spaced values (shape [n]), least squares.

    >>> slope_of([1.0, 3.0, 5.0])
    2.0
    """
    middle = (len(values) - 1) / 2
    top = math.fsum((place - middle) * value for place, value in enumerate(values))
    return top / math.fsum((place - middle) ** 2 for place in range(len(values)))


def noise_sd(values: Sequence[float]) -> float:
    """The sd of independent noise on a smooth curve (shape [n]); nan below three values.

    From what each value differs by from the middle of its neighbours, so that a slope does not
    count (Gasser, Sroka and Jennen-Steinmetz 1986).

    >>> noise_of([5.0, 4.0, 3.0, 2.0])
    0.0
    """
    if len(values) < 3:
        return math.nan
    bends = (values[i] - (values[i - 1] + values[i + 1]) / 2 for i in range(1, len(values) - 1))
    return math.sqrt(math.fsum(bend**2 for bend in bends) / (1.5 * (len(values) - 2)))


def _find_breakpoints(y: "Floats") -> list[int]:
    """The joints of the number of pieces that BIC prefers."""
    n = len(y)
    least = _ROUNDING * float(y @ y) + 1e-300
    joints: list[int] = []
    best, best_score = joints, n * math.log((_residual_sum_of_squares(y, joints) + least) / n)
    for count in range(1, MAX_BREAKPOINTS + 1):
        added = _add_breakpoint(y, joints)
        if added is None:
            break
        joints = _refine_breakpoints(y, added)
        squares = _residual_sum_of_squares(y, joints) + least
        score = n * math.log(squares / n) + _PARAMETERS_PER_BREAKPOINT * count * math.log(n)
        if score < best_score:
            best, best_score = joints, score
    return best


def _add_breakpoint(y: "Floats", joints: Sequence[int]) -> list[int] | None:
    """The joints and the one that helps most beside them; None where there is no room."""
    free = [
        place for place in range(1, len(y) - _MIN_TAIL) if _is_allowed_breakpoint(place, joints)
    ]
    if not free:
        return None
    return sorted(
        [
            *joints,
            min(free, key=lambda place: _residual_sum_of_squares(y, sorted([*joints, place]))),
        ]
    )


def _refine_breakpoints(y: "Floats", joints: list[int]) -> list[int]:
    """Moves one joint after another to its best place beside the others, until none moves."""
    for _ in range(MAX_BREAKPOINTS):
        before = joints
        for place in before:
            others = [joint for joint in joints if joint != place]
            joints = _add_breakpoint(y, others) or joints
        if joints == before:
            break
    return joints


def _is_allowed_breakpoint(place: int, joints: Sequence[int]) -> bool:
    return all(abs(place - joint) >= _MIN_DISTANCE for joint in joints)


def _residual_sum_of_squares(y: "Floats", joints: Sequence[int]) -> float:
    """The sum of squares that the best line with these joints leaves."""
    import numpy as np

    basis = _design_matrix(np.arange(len(y), dtype=np.float64), joints)
    # The normal equations: a tenth of the time of a decomposition, and a dozen columns at most.
    weights = np.linalg.solve(basis.T @ basis, basis.T @ y)
    left = y - basis @ weights
    return float(left @ left)


def _design_matrix(places: "Floats", joints: Sequence[int]) -> "Floats":
    """A column of ones, one of places, and for each joint how far a place is behind it."""
    import numpy as np

    behind = [np.maximum(places - joint, 0.0) for joint in joints]
    return np.column_stack([np.ones_like(places), places, *behind])
