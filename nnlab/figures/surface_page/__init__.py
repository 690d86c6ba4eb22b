"""The HTML page of `nnlab plot surface`: a slider moves along the paths of the optimizers.

The page contains its style and script, and makes no network requests. Without scripts, and in
print, it shows the whole paths.
"""

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from nnlab.figures.draw.animation import evenly_spaced
from nnlab.figures.draw.axis_scales import MINUS_SIGN, format_power_of_ten
from nnlab.figures.surface_geometry import (
    contour_levels,
    panel_title,
    surface_grid,
    visible_length,
)
from nnlab.figures.surface_trials import NamedPath, SurfacePaths, outcome_notes
from nnlab.io.file_origin import FIGURE_KEY, Provenance
from nnlab.version import nnlab_version

if TYPE_CHECKING:
    import jinja2

# The size of a panel and of the area between its axes, in units of its SVG.
WIDTH, HEIGHT = 440, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 68, 24, 12, 44
_MAX_POINTS = 1500  # of a path; more cannot be distinguished
_TICKS = 5
_DECADES = 10.0  # of the axis of the loss
# Points further from the panel than this many of its widths are drawn at this distance.
_MAX_DISTANCE = 2.0


def surface_page(results: Sequence[SurfacePaths], provenance: Provenance) -> str:
    """The HTML page of paths on surfaces."""
    panels = [_panel(result) for result in results]
    return _template().render(
        panels=panels,
        # Read by the script, one object for each surface.
        data=[panel.pop("data") for panel in panels],
        version=nnlab_version(),
        provenance=FIGURE_KEY + json.dumps(dict(provenance), sort_keys=True),
        command=provenance.get("command", ""),
        style=_resource_text("style.css"),
        script=_resource_text("script.js"),
        width=WIDTH,
        height=HEIGHT,
        left=_LEFT,
        right=WIDTH - _RIGHT,
        top=_TOP,
        bottom=HEIGHT - _BOTTOM,
    )


def _resource_text(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


@cache
def _template() -> "jinja2.Template":
    import jinja2  # only for HTML; other formats start faster without it

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_resource_text("template.html"))


def _panel(result: SurfacePaths) -> dict[str, Any]:
    """What the template shows of one surface, and the data of its script."""
    surface = result.surface
    low, high = _loss_limits(result)
    last = max(named.path.gradients[-1] for named in result.paths)
    paths = [_path_data(result, named, low, high, last) for named in result.paths]
    return {
        "name": result.name,
        "title": panel_title(surface),
        "formula": surface.formula,
        "shows": surface.shows,
        "notes": [note.removeprefix(f"{surface.title}: ") for note in outcome_notes(result)],
        "contours": _contours(result),
        "stationary": [
            {"kind": point.kind, "at": _place(result, point.at)} for point in surface.stationary
        ],
        "kinds": list(dict.fromkeys(point.kind for point in surface.stationary)),
        "start": _place(result, result.start),
        "paths": paths,
        "x_ticks": _linear_ticks(surface.xlim, lambda x: _place(result, (x, 0.0))[0]),
        "y_ticks": _linear_ticks(surface.ylim, lambda y: _place(result, (0.0, y))[1]),
        "count_ticks": _linear_ticks((0.0, float(last)), lambda n: _count_place(n, last)),
        "loss_ticks": [
            {"at": _loss_place(10.0**k, low, high), "text": format_power_of_ten(10.0**k)}
            for k in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1, 2)
        ],
        "last": last,
        "data": {"last": last, "paths": paths},
    }


def _path_data(
    result: SurfacePaths, named: NamedPath, low: float, high: float, last: int
) -> dict[str, Any]:
    """A path as points of both panels, with the number of gradients and the loss at each."""
    path, lowest = named.path, result.surface.lowest
    shown = visible_length(result.surface, path)
    indices = evenly_spaced(range(shown), _MAX_POINTS)
    losses = [path.losses[i] - lowest for i in indices]
    return {
        "label": named.label_with_rate,
        "diverged": path.diverged,
        "places": [_place(result, path.points[i]) for i in indices],
        "losses": [
            (_count_place(path.gradients[i], last), _loss_place(loss, low, high))
            for i, loss in zip(indices, losses, strict=True)
        ],
        "gradients": [path.gradients[i] for i in indices],
        "values": [f"{loss:.3g}" if math.isfinite(loss) else "infinite" for loss in losses],
    }


def _place(result: SurfacePaths, point: tuple[float, float]) -> tuple[float, float]:
    """The place of a point in the panel with the contours."""
    (left, right), (low, high) = result.surface.xlim, result.surface.ylim
    x = _LEFT + (WIDTH - _LEFT - _RIGHT) * _limited((point[0] - left) / (right - left))
    y = HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * _limited((point[1] - low) / (high - low))
    return round(x, 1), round(y, 1)


def _limited(fraction: float) -> float:
    if math.isnan(fraction):
        return _MAX_DISTANCE
    return min(max(fraction, -_MAX_DISTANCE), 1 + _MAX_DISTANCE)


def _count_place(count: float, last: int) -> float:
    return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * count / max(last, 1), 1)


def _loss_place(loss: float, low: float, high: float) -> float:
    """The height of a loss above the minimum on the logarithmic axis, within its limits."""
    value = min(max(loss, low), high) if math.isfinite(loss) else high
    share = math.log(value / low) / math.log(high / low)
    return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share, 1)


def _loss_limits(result: SurfacePaths) -> tuple[float, float]:
    """The limits of the axis of the loss: those of the paths, and at most ten decades."""
    lowest = result.surface.lowest
    first = max(result.paths[0].path.losses[0] - lowest, 1e-12)
    values = [
        loss - lowest for named in result.paths for loss in named.path.losses if math.isfinite(loss)
    ]
    high = 3 * first
    return max(0.5 * min(values), high / 10**_DECADES), high


def _contours(result: SurfacePaths) -> list[str]:
    """The contours as points of SVG lines."""
    x, y, losses = surface_grid(result.surface, 121)
    levels = contour_levels(result.surface, losses)
    drawn = Figure().subplots().contour(x, y, losses, levels=levels)
    return [
        " ".join(f"{px:.1f},{py:.1f}" for px, py in (_place(result, (a, b)) for a, b in segment))
        for segments in drawn.allsegs
        for segment in segments
        if len(segment) > 1
    ]


def _linear_ticks(limits: tuple[float, float], place: Any) -> list[Mapping[str, Any]]:
    """Ticks at round numbers within the limits of an axis."""
    from matplotlib.ticker import MaxNLocator

    locator = MaxNLocator(_TICKS, steps=[1, 2, 5, 10])
    values = [v for v in locator.tick_values(*limits) if limits[0] <= v <= limits[1]]
    return [
        {"at": place(v), "text": f"{np.round(v, 9):g}".replace("-", MINUS_SIGN)} for v in values
    ]
