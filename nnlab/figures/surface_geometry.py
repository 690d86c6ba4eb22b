"""What the figure and the page of `nnlab plot surface` share: titles, contours, visible points."""

from typing import TYPE_CHECKING

import numpy as np

from nnlab.figures.draw.axis_scales import MINUS_SIGN

if TYPE_CHECKING:
    from nnlab.engine.loss_surfaces import LossSurface
    from nnlab.engine.surface_paths import SurfacePath

_GRID, _CONTOURS = 301, 14
_CONTOUR_POWER = 4.0  # contours are closer together, in terms of the loss, near the minimum
_LEVEL_GAP = 0.2  # between the level of a saddle point and others, relative to its own
_ROUNDED_FROM = 100.0  # condition numbers without decimals


def panel_title(surface: "LossSurface") -> str:
    """The name of a surface with the condition number of its minimum, or a saddle's curvatures."""
    from nnlab.engine.surface_paths import hessian_eigenvalues  # imports torch

    described = surface.stationary[0]
    low, high = hessian_eigenvalues(surface, described.at)
    if described.kind == "saddle point":
        return f"{surface.title}, curvatures {low:.2g} and {high:.2g}".replace("-", MINUS_SIGN)
    number = high / low
    text = f"{number:,.0f}" if number >= _ROUNDED_FROM else f"{number:.2g}"
    return f"{surface.title}, condition number {text}"


def contour_levels(surface: "LossSurface", losses: np.ndarray) -> np.ndarray:
    """The levels of the contours: close together near the minimum, and through saddle points."""
    low, high = surface.lowest, float(losses.max())
    levels = low + (high - low) * np.linspace(0, 1, _CONTOURS + 1)[1:-1] ** _CONTOUR_POWER
    saddles = [
        float(surface.function(*point.at))
        for point in surface.stationary
        if point.kind == "saddle point"
    ]
    kept = [
        level
        for level in levels
        if not any(abs(level - saddle) < _LEVEL_GAP * (saddle - low) for saddle in saddles)
    ]
    return np.unique(np.round([*kept, *saddles], 12))


def surface_grid(
    surface: "LossSurface", count: int = _GRID
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The coordinates x [n] and y [n] of a grid on the drawn area, and the losses [n, n]."""
    x, y = np.linspace(*surface.xlim, count), np.linspace(*surface.ylim, count)
    return x, y, surface.function(x[None, :], y[:, None])


def visible_length(surface: "LossSurface", path: "SurfacePath") -> int:
    """The number of drawn points: a diverging path ends at the first one that leaves the area."""
    if not path.diverged:
        return len(path.points)
    (left, right), (low, high) = surface.xlim, surface.ylim
    outside = [
        i for i, (x, y) in enumerate(path.points) if not (left <= x <= right and low <= y <= high)
    ]
    return max(2, outside[0] + 1)
