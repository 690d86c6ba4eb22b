"""`nnlab plot landscape`: the loss around the weights of trained runs. // The loss around trained weights: lines along random directions, and a plane of two of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnlab import store
from nnlab.analysis.ranking import format_count
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.errors import UsageError
from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import available_text_width, new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import rank_for_figure

if TYPE_CHECKING:
    from nnlab.analysis.sensitivity import Sensitivity
    from nnlab.records import Run

_ROW_HEIGHT = 2.3  # inches
_CONTOUR_LEVELS = 12


@dataclass(frozen=True, slots=True)
class LandscapeSlices:
    """One run: its label, steps along a direction, a line a direction, a plane of two of them."""

    label: str
    steps: Sequence[float]
    lines: Sequence[Sequence[float]]
    surface: Sequence[Sequence[float]]


def prepare_landscape(
    db: store.Database,
    words: Sequence[str],
    *,
    examples: int = 512,
    grid: int = 21,
    directions: int = 5,
    top: int = 2,
) -> PreparedFigure:
    """Lines along random directions and a plane of two, for a run of each of the best trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, or a run kept no weights.
    """
    ranking = rank_for_figure(db, words, top=top)
    chosen = [row.runs[0] for row in ranking.rows]
    runs = store.runs(db, run_ids=chosen)
    from nnlab.analysis.sensitivity import measure_sensitivity

    found = [
        measure_sensitivity(db, run, examples=examples, grid=grid, directions=directions)
        for run in runs
    ]
    return landscape_figure(found)


def landscape_figure(found: "Sequence[Sensitivity]") -> PreparedFigure:
    """What was measured of runs, as a figure.

    Raises:
        UsageError: there are none.
    """
    if not found:
        raise UsageError("no run to draw the loss around")
    titles = run_titles([one.run for one in found])

    def draw() -> Figure:
        return draw_landscape(
            [
                LandscapeSlices(f"run {o.run.id} {titles[o.run.id]}", o.steps, o.lines, o.surface)
                for o in found
            ]
        )

    rows: list[tuple[int | str | float | None, ...]] = [
        (one.run.id, f"line {number}", step, None, loss)
        for one in found
        for number, line in enumerate(one.lines, start=1)
        for step, loss in zip(one.steps, line, strict=True)
    ]
    rows += [
        (one.run.id, "plane", first, second, loss)
        for one in found
        for second, row in zip(one.steps, one.surface, strict=True)
        for first, loss in zip(one.steps, row, strict=True)
    ]
    runs = tuple(one.run.id for one in found)
    table = numbers(("run", "of", "first step", "second step", "train/loss"), rows)
    return PreparedFigure(draw, table, runs, format_count(len(runs), "run"))


def run_titles(runs: "Sequence[Run]") -> dict[int, str]:
    """What tells runs apart, by their number."""
    fields = distinguishing_fields([run.trial.setting for run in runs])
    return {
        run.id: f"{setting_label(run.trial.setting, fields)} seed={run.seed}".strip()
        for run in runs
    }


def draw_landscape(runs: Sequence[LandscapeSlices]) -> Figure:
    """A row a run: the lines on the left, the plane on the right, all on one scale of the loss."""
    with style_context():
        figure = new_figure(_ROW_HEIGHT * len(runs))
        grid = figure.subplots(len(runs), 2, squeeze=False)
        finite = [
            value
            for run in runs
            for row in (*run.lines, *run.surface)
            for value in row
            if np.isfinite(value)
        ]
        low, high = max(min(finite), 1e-12), max(finite)
        for row, (run, axes) in enumerate(zip(runs, grid, strict=True)):
            _draw_lines(axes[0], run, row, (low, high))
            _draw_plane(figure, axes[1], run, (low, high))
        return figure


def _draw_lines(ax: Axes, run: LandscapeSlices, row: int, limits: tuple[float, float]) -> None:
    for values in run.lines:
        ax.plot(run.steps, values, color=color(row), linewidth=points(0.8), alpha=0.8)
    ax.set_yscale("log")
    ax.set_ylim(limits[0] * 0.8, limits[1] * 1.25)
    set_log_ticks(ax.yaxis, *limits)
    ax.set_title(wrap_to_width(run.label, available_text_width(2), current_paper().label_size, 2))
    ax.xaxis.set_major_locator(MaxNLocator(2))
    told = "Step, in lengths of the weights"
    ax.set_xlabel(wrap_to_width(told, available_text_width(2), current_paper().label_size))
    ax.set_ylabel("Training loss")


def _draw_plane(
    figure: Figure, ax: Axes, run: LandscapeSlices, limits: tuple[float, float]
) -> None:
    levels = np.geomspace(limits[0], limits[1] * (1 + 1e-9), _CONTOUR_LEVELS)
    values = np.clip(np.nan_to_num(np.array(run.surface), nan=limits[1]), *limits)
    drawn = ax.contourf(run.steps, run.steps, values, levels=levels, norm="log", cmap="viridis")
    ax.plot(0, 0, marker="+", color="white", markersize=points(6))
    ax.set_aspect("equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(2, prune="lower" if axis is ax.yaxis else None))
    ax.grid(visible=False)
    ax.set_xlabel("First direction")
    ax.set_ylabel("Second direction")
    bar = figure.colorbar(drawn, ax=ax, format="%.2g")
    bar.set_label("Training loss")
