"""Boundaries of a one-sided t test that looks at the data after each pair, computed exactly.

The test looks at the t statistic after 2, 3, ..., `max_pairs` normal differences with an unknown
standard deviation. An error spending function divides the level over the looks (Lan and DeMets
1983): the looks up to k pairs spend the share ((k - 1) / (max_pairs - 1))^3 of it, from the power
family of Kim and DeMets (1987). The nominal level of a look is chosen such that the probability to
cross the boundary there, and at no look before, is the share of this look.

Under a mean of 0 the direction of the differences is independent of their length. The cosine
c_n = sum(x) / (sqrt(n) |x|) is therefore a Markov chain: if T has Student's t distribution with n
degrees of freedom and r = T / sqrt(n), then c_(n+1) = (sqrt(n) c_n + r) / sqrt((n + 1) (1 + r^2)).
The distribution of c_n among the paths that have crossed no boundary follows by numerical
integration, look by look (Armitage, McPherson and Rowe 1969).

A boundary for each level defines the repeated p value (Jennison and Turnbull 1989): the least
overall level at which the test would have crossed its boundary by now.
"""

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FIRST_LOOK: Final = 2

_SPENDING_POWER: Final = 3

# The overall levels of the table; between them logarithms are interpolated.
GREATEST_LEVEL: Final = 0.9
_LEAST_LEVEL, _LEVELS = 1e-9, 60
_LEAST_P: Final = 1e-300


def spending_shares(max_pairs: int) -> tuple[float, ...]:
    """The share of the level that each look may spend, for 2 to `max_pairs` pairs; their sum is 1.

    >>> [round(share, 3) for share in spending_shares(4)]
    [0.037, 0.259, 0.704]
    """
    cumulative = [(k / (max_pairs - 1)) ** _SPENDING_POWER for k in range(max_pairs)]
    return tuple(high - low for low, high in pairwise(cumulative))


def nominal_levels(levels: "Floats", max_pairs: int) -> "Floats":
    """The levels of the ordinary t tests at all looks for overall one-sided levels.

    Args:
        levels: shape [paths], above 0; levels above `GREATEST_LEVEL` count as that.
        max_pairs: the number of pairs at the last look.

    Returns:
        Shape [paths, max_pairs - 1].
    """
    import numpy as np

    table = boundary_table(max_pairs)
    logarithms = np.log(levels)
    below = np.minimum(logarithms - table.levels[0], 0.0)
    # Below the table the ratio of nominal and overall level hardly changes.
    columns = [np.interp(logarithms, table.levels, nominal) + below for nominal in table.nominal]
    return np.asarray(np.exp(np.stack(columns, axis=-1)))


def overall_p(nominal_p: "Floats", max_pairs: int) -> "Floats":
    """The least overall level at which the test rejects at each look: `nominal_levels` inverted.

    It is 1 above `GREATEST_LEVEL`.

    Args:
        nominal_p: the one-sided p of the ordinary t test at the first looks, shape [paths, looks].
        max_pairs: the number of pairs at the last look.

    Returns:
        Shape [paths, looks].
    """
    import numpy as np

    table = boundary_table(max_pairs)
    logarithms = np.log(np.maximum(nominal_p, _LEAST_P))
    p_values = np.empty_like(logarithms)
    for look in range(nominal_p.shape[-1]):
        nominal, column = table.nominal[look], logarithms[..., look]
        inside = np.interp(column, nominal, table.levels) + np.minimum(column - nominal[0], 0.0)
        p_values[..., look] = np.where(column > nominal[-1], 0.0, inside)
    return np.asarray(np.exp(p_values))


@dataclass(frozen=True, slots=True)
class BoundaryTable:
    """The logarithms of overall levels, ascending, and of the nominal levels of each look.

    `levels` has shape [levels], `nominal` has shape [looks][levels].
    """

    levels: tuple[float, ...]
    nominal: tuple[tuple[float, ...], ...]


@cache
def boundary_table(max_pairs: int) -> BoundaryTable:
    """The nominal levels of all looks for a grid of overall levels.

    Raises:
        ValueError: `max_pairs` is below 2.
    """
    import numpy as np  # here, because most commands start without it

    if max_pairs < FIRST_LOOK:
        raise ValueError(f"a test of pairs needs at least {FIRST_LOOK} pairs, got {max_pairs}")
    levels = np.geomspace(_LEAST_LEVEL, GREATEST_LEVEL, _LEVELS)
    edges = _cell_edges()
    # The probability of each cell among the paths that crossed no boundary, shape [cells, levels].
    cells = np.repeat(_cell_probabilities(edges)[:, None], _LEVELS, axis=1)
    nominal = []
    for look, share in enumerate(spending_shares(max_pairs), start=FIRST_LOOK):
        if look > FIRST_LOOK:
            cells = _transition(look - 1).T @ cells
        nominal.append(_cross_boundary(cells, edges, share * levels))
    return BoundaryTable(
        tuple(np.log(levels).tolist()), tuple(tuple(np.log(row).tolist()) for row in nominal)
    )


def _cell_edges() -> "Floats":
    """The edges of cells of a statistic that is standard normal at every look, shape [cells + 1].

    The statistic is the t statistic, transformed by the two distribution functions. Boundaries
    lie above 0 and need narrow cells.
    """
    import numpy as np

    return np.concatenate([np.arange(-5.0, 0.0, 0.1), np.arange(0.0, 7.01, 0.04)])


def _cell_probabilities(edges: "Floats") -> "Floats":
    import numpy as np
    from scipy.special import ndtr

    above = ndtr(-edges)
    above[0], above[-1] = 1.0, 0.0
    return np.asarray(above[:-1] - above[1:])


def _cross_boundary(cells: "Floats", edges: "Floats", spent: "Floats") -> "Floats":
    """The nominal levels, shape [levels], at which the probability to cross is `spent`.

    The paths that cross are removed from `cells`, shape [cells, levels]. Within a cell the
    probability is in proportion to the nominal level.
    """
    import numpy as np
    from scipy.special import ndtr

    above = ndtr(-edges)
    columns = np.arange(cells.shape[1])
    at_least = np.cumsum(cells[::-1], axis=0)[::-1]
    cell = (at_least >= spent).sum(axis=0) - 1
    beyond = at_least[cell, columns] - cells[cell, columns]
    fraction = (spent - beyond) / cells[cell, columns]
    nominal = above[cell + 1] + fraction * (above[cell] - above[cell + 1])
    cells[np.arange(len(cells))[:, None] > cell] = 0.0
    cells[cell, columns] *= 1 - fraction
    return np.asarray(nominal)


@cache
def _transition(n: int) -> "Floats":
    """The probabilities to move from each cell after n pairs to each after n + 1.

    Shape [cells, cells]; each path starts in the middle of its cell.
    """
    import numpy as np

    edges = _cell_edges()
    start = _cosine((edges[:-1] + edges[1:]) / 2, n)[:, None]
    target = _cosine(edges, n + 1)[None, :]
    at_least = np.where(
        target >= 0,
        _probability_at_least(np.abs(target), start, n),
        1 - _probability_at_least(np.abs(target), -start, n),
    )
    at_least[:, 0], at_least[:, -1] = 1.0, 0.0
    return np.asarray(np.maximum(at_least[:, :-1] - at_least[:, 1:], 0.0))


def _cosine(normal: "Floats", n: int) -> "Floats":
    """c_n for values of the normal statistic."""
    import numpy as np
    from scipy.special import ndtr, stdtrit

    t = -stdtrit(n - 1, ndtr(-np.abs(normal)))
    return np.asarray(np.sign(normal) * t / np.sqrt(n - 1 + t * t))


def _probability_at_least(target: "Floats", start: "Floats", n: int) -> "Floats":
    """The probability that c_(n+1) >= `target`, which is not negative, given c_n = `start`.

    It is the probability of r >= -sqrt(n) c_n and (sqrt(n) c_n + r)^2 >= w (1 + r^2) with
    w = (n + 1) target^2: a quadratic inequality in r.
    """
    import numpy as np
    from scipy.special import stdtr

    def above(r: "Floats") -> "Floats":
        return np.asarray(stdtr(n, -math.sqrt(n) * r))

    w, least = (n + 1) * target**2, -math.sqrt(n) * start
    discriminant = w * (1 + n * start**2 - w)
    root = np.sqrt(np.maximum(discriminant, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = (least + root) / (1 - w), (least - root) / (1 - w)
    low, high = np.minimum(*roots), np.maximum(*roots)
    above_low, above_high = above(np.maximum(low, least)), above(np.maximum(high, least))
    all_allowed = above(least)
    between = np.where(discriminant > 0, above_low - above_high, 0.0)
    outside = np.where(discriminant > 0, above_high + all_allowed - above_low, all_allowed)
    return np.asarray(np.where(w > 1, between, outside))
