"""`nnlab plot surface`: paths of optimizers on losses of two weights, and their losses."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.draw.animation import MAX_FRAMES
from nnlab.figures.draw.axis_scales import set_epoch_axis, set_log_ticks
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import (
    available_text_width,
    figure_with_legend,
    freeze_layout,
    panel_columns,
)
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.series_style import (
    SeriesStyle,
    curve_label,
    series_legend_entries,
    series_styles,
)
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.surface_geometry import (
    contour_levels,
    panel_title,
    surface_grid,
    visible_length,
)
from nnlab.figures.surface_trials import SurfacePaths, follow_paths, outcome_notes
from nnlab.io.text import format_count

if TYPE_CHECKING:
    from nnlab.engine.loss_surfaces import LossSurface, Point
    from nnlab.engine.surface_paths import SurfacePath
    from nnlab.io.file_origin import Provenance

_PANEL_HEIGHT = 2.3  # inches
_DOTS_UP_TO = 250  # steps of a path that are drawn as dots
# The axis of the loss begins at this fraction of the loss at the start, and ends at this multiple.
_LOWEST_LOSS, _HIGHEST_LOSS = 1e-10, 5.0
_MARKERS: Mapping[str, tuple[str, float]] = {
    "minimum": ("*", 9.0),
    "local minimum": ("p", 5.0),
    "saddle point": ("X", 5.5),
}


@dataclass(frozen=True, slots=True)
class _DrawnLine:
    """A line of an animation, its end, and the number of gradients before each of its points."""

    line: Line2D
    end: Line2D
    x: Sequence[float]
    y: Sequence[float]
    gradients: Sequence[int]

    def show(self, count: int) -> None:
        """Shows the points up to a number of gradients."""
        shown = sum(gradients <= count for gradients in self.gradients)
        self.line.set_data(self.x[:shown], self.y[:shown])
        self.end.set_data(self.x[shown - 1 : shown], self.y[shown - 1 : shown])


def prepare_surface(
    _: store.Database | None,
    __: Sequence[str] = (),
    *,
    on: str = "rosenbrock",
    settings: Mapping[str, Any] | None = None,
    start: str | None = None,
    steps: int | None = None,
    noise: float = 0.0,
    seed: int = 0,
) -> PreparedFigure:
    """The figure of the paths of optimizers on surfaces, with their losses beside each surface.

    It takes neither a database nor names of runs.

    Args:
        on: names of surfaces, separated by commas.
        settings: values by field; without `lr` each surface has rates of its own.
        start: the first point, as `X,Y`.
        steps: the number of steps.
        noise: the sd of Gaussian noise that is added to each entry of the gradient.
        seed: the seed of the noise.

    Raises:
        ConfigError: invalid settings.
        UnknownName: no such surface.
        UsageError: an optimizer or a schedule cannot be used on a surface, or an invalid value.
    """
    names = [name.strip() for name in on.split(",")]
    results = follow_paths(
        names,
        settings or {},
        start=None if start is None else _point(start),
        steps=steps,
        noise=noise,
        seed=seed,
    )

    def page(provenance: "Provenance") -> str:
        from nnlab.figures.surface_page import surface_page  # jinja2, only for HTML

        return surface_page(results, provenance)

    rows = [
        (result.name, named.label, named.lr, step, gradients, x, y, loss)
        for result in results
        for named in result.paths
        for step, (gradients, (x, y), loss) in enumerate(
            zip(named.path.gradients, named.path.points, named.path.losses, strict=True)
        )
    ]
    paths = sum(len(result.paths) for result in results)
    return PreparedFigure(
        lambda: draw_surfaces(results),
        figure_table(("surface", "path", "lr", "step", "gradients", "x", "y", "loss"), rows),
        (),
        f"{format_count(paths, 'path')} on {format_count(len(results), 'surface')}",
        tuple(note for result in results for note in outcome_notes(result)),
        caption=tuple(_caption(result, noise) for result in results),
        frames=lambda: _frames(results),
        page=page,
    )


def _point(text: str) -> "Point":
    """The point `X,Y`.

    Raises:
        UsageError: the text is no pair of numbers.
    """
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise UsageError(f"--start {text}: needs X,Y", hint="--start -1.2,1")
    return x, y


def _caption(result: SurfacePaths, noise: float) -> str:
    from nnlab.engine.surface_paths import hessian_eigenvalues  # imports torch

    surface = result.surface
    parts = [f"{panel_title(surface)}: f(x, y) = {surface.formula}; it shows {surface.shows}"]
    for point in surface.stationary:
        if point.kind == "saddle point":
            low, high = hessian_eigenvalues(surface, point.at)
            parts.append(f"the Hessian at a saddle point has the eigenvalues {low:.3g}, {high:.3g}")
            break
    if noise:
        parts.append(f"noise of sd {noise:g} is added to the gradients")
    return "; ".join(parts)


def draw_surfaces(results: Sequence[SurfacePaths]) -> Figure:
    """A figure with two panels per surface: the paths between contours, and the losses."""
    figure, _ = _draw(results)
    return figure


def _draw(results: Sequence[SurfacePaths]) -> tuple[Figure, list[_DrawnLine]]:
    lines: list[_DrawnLine] = []
    columns = panel_columns(2 * len(results), 2)

    def draw(axes: Sequence[Axes]) -> None:
        for result, ax, loss_ax in zip(results, axes[::2], axes[1::2], strict=True):
            styles = series_styles([named.label for named in result.paths])
            lines.extend(_draw_paths(ax, result, styles, columns))
            lines.extend(_draw_losses(loss_ax, result, styles))

    with style_context():
        figure = figure_with_legend(
            2 * len(results),
            [
                _point_entries(results),
                series_legend_entries([named.label for named in results[0].paths], "path"),
            ],
            draw,
            height=_PANEL_HEIGHT,
            columns=columns,
        )
        freeze_layout(figure)
    return figure, lines


def _point_entries(results: Sequence[SurfacePaths]) -> list[LegendEntry]:
    """Legend entries for the start and the kinds of stationary points in the figure."""
    ink = current_paper().look.ink
    kinds = dict.fromkeys(point.kind for result in results for point in result.surface.stationary)
    marks = [
        LegendEntry(
            legend_marker(
                marker=_MARKERS[kind][0],
                markersize=points(_MARKERS[kind][1]),
                markerfacecolor=_face_color(kind),
                markeredgecolor=ink,
                markeredgewidth=points(0.6),
            ),
            kind,
        )
        for kind in _MARKERS
        if kind in kinds
    ]
    start = legend_marker(marker="o", markersize=points(3.0), markeredgewidth=0)
    entries = [LegendEntry(start, "start"), *marks]
    if any(named.path.diverged for result in results for named in result.paths):
        handle = Line2D([], [], color=current_paper().look.ink, **_diverged_marker())
        entries.append(LegendEntry(handle, "diverged"))
    return entries


def _face_color(kind: str) -> str:
    look = current_paper().look
    return look.text if kind == "minimum" else look.background


def _draw_paths(
    ax: Axes, result: SurfacePaths, styles: Sequence[SeriesStyle], columns: int
) -> list[_DrawnLine]:
    surface, look = result.surface, current_paper().look
    x, y, losses = surface_grid(surface)
    ax.contour(
        x,
        y,
        losses,
        levels=contour_levels(surface, losses),
        colors=look.grey,
        linewidths=points(0.4),
        linestyles="solid",
        alpha=0.8,
        zorder=1,
    )
    for point in surface.stationary:
        shape, size = _MARKERS[point.kind]
        ax.plot(
            *point.at,
            marker=shape,
            markersize=points(size),
            markerfacecolor=_face_color(point.kind),
            markeredgecolor=look.ink,
            markeredgewidth=points(0.6),
            linestyle="",
            zorder=5,
        )
    drawn = [
        _draw_path(ax, rank, surface, named.path, style)
        for rank, (named, style) in enumerate(zip(result.paths, styles, strict=True))
    ]
    ax.plot(
        *result.start,
        marker="o",
        color=look.ink,
        markersize=points(3.0),
        markeredgewidth=0,
        zorder=6,
    )
    ax.set_xlim(_including(surface.xlim, result.start[0]))
    ax.set_ylim(_including(surface.ylim, result.start[1]))
    ax.grid(visible=False)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    title = panel_title(surface)
    ax.set_title(wrap_to_width(title, available_text_width(columns), current_paper().label_size, 2))
    ax.set_xlabel("Weight x")
    ax.set_ylabel("Weight y")
    return drawn


def _including(limits: "Point", value: float) -> "Point":
    """The limits of an axis, extended to a start outside of the drawn area."""
    margin = 0.05 * (limits[1] - limits[0])
    low = limits[0] if value >= limits[0] else value - margin
    high = limits[1] if value <= limits[1] else value + margin
    return low, high


def _draw_path(
    ax: Axes, rank: int, surface: "LossSurface", path: "SurfacePath", style: SeriesStyle
) -> _DrawnLine:
    """Draws a path; a diverging one up to the first point outside of the drawn area."""
    shown = visible_length(surface, path)
    xs, ys = [x for x, _ in path.points[:shown]], [y for _, y in path.points[:shown]]
    (line,) = ax.plot(
        xs,
        ys,
        color=style.color,
        linewidth=points(0.9),
        marker="." if shown <= _DOTS_UP_TO else None,
        markersize=points(2.2),
        markeredgewidth=0,
        zorder=4 - rank / 20,
        label=curve_label(rank),
    )
    if path.diverged:
        last = max(shown - 2, 0)
        ax.plot(xs[last], ys[last], color=style.color, zorder=7, **_diverged_marker())
    end = _draw_end(ax, xs, ys, style, rank)
    return _DrawnLine(line, end, xs, ys, path.gradients[:shown])


def _draw_end(
    ax: Axes, xs: Sequence[float], ys: Sequence[float], style: SeriesStyle, rank: int
) -> Line2D:
    """Draws the marker of a series at the end of its line."""
    (end,) = ax.plot(
        xs[-1:],
        ys[-1:],
        color=style.color,
        marker=style.marker or "o",
        markersize=points(3.6),
        markeredgecolor=current_paper().look.background,
        markeredgewidth=points(0.4),
        linestyle="",
        zorder=6 - rank / 20,
    )
    return end


def _diverged_marker() -> dict[str, Any]:
    """The properties of the marker where a diverging path leaves the drawn area."""
    return {
        "marker": "x",
        "markersize": points(5),
        "markeredgewidth": points(1.4),
        "linestyle": "",
        "clip_on": False,
    }


def _draw_losses(ax: Axes, result: SurfacePaths, styles: Sequence[SeriesStyle]) -> list[_DrawnLine]:
    lowest = result.surface.lowest
    first = max(result.paths[0].path.losses[0] - lowest, 1e-300)
    low, high = first * _LOWEST_LOSS, first * _HIGHEST_LOSS
    reached = [min(_finite(named.path.losses)) - lowest for named in result.paths]
    low = min(max(low, 0.3 * min(reached)), 0.1 * first)
    drawn = []
    for rank, (named, style) in enumerate(zip(result.paths, styles, strict=True)):
        losses = [
            min(max(loss - lowest, low), 10 * high) if math.isfinite(loss) else 10 * high
            for loss in named.path.losses
        ]
        (line,) = ax.plot(
            named.path.gradients,
            losses,
            color=style.color,
            zorder=4 - rank / 20,
            label=curve_label(rank),
        )
        gradients = named.path.gradients
        end = _draw_end(ax, gradients, losses, style, rank)
        drawn.append(_DrawnLine(line, end, gradients, losses, gradients))
    ax.set_yscale("log")
    ax.set_ylim(low, high)
    set_log_ticks(ax.yaxis, low, high)
    set_epoch_axis(ax, 0, max(named.path.gradients[-1] for named in result.paths))
    ax.set_xlabel("Gradient evaluations")
    ax.set_ylabel("Loss above the minimum")
    return drawn


def _finite(losses: Sequence[float]) -> list[float]:
    return [loss for loss in losses if math.isfinite(loss)]


def _frames(results: Sequence[SurfacePaths]) -> Iterator[Figure]:
    """The figure with all paths up to a number of gradient evaluations, which grows.

    The first frames are closer together, because second-order optimizers take few steps.
    """
    figure, lines = _draw(results)
    last = max(drawn.gradients[-1] for drawn in lines)
    counts = dict.fromkeys(round(last * (k / (MAX_FRAMES - 1)) ** 2) for k in range(MAX_FRAMES))
    for count in counts:
        for drawn in lines:
            drawn.show(count)
        yield figure
