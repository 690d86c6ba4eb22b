"""`nnlab plot landscape`: the loss around trained weights along random directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnlab import store
from nnlab.config.setting_differences import distinguishing_fields, setting_label
from nnlab.errors import UsageError
from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import available_text_width, new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import rank_for_figure
from nnlab.io.text import format_count
from nnlab.records import Run

if TYPE_CHECKING:
    from nnlab.analysis.sensitivity import Sensitivity
_ROW_HEIGHT = 2.3  # inches
_CONTOUR_LEVELS = 12


@dataclass(frozen=True, slots=True)
class LandscapeSlices:
    """One run: its label, the steps, losses [direction][step], losses [second step][first step]."""

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
    """The figure of the loss around the weights of one run of each of the best trials.

    Args:
        db: the database.
        words: names of studies, or runs by number or name.
        examples: the number of training examples on which the loss is measured.
        grid: the number of steps along each direction.
        directions: the number of random directions.
        top: the number of trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished, or a run has no stored weights.
    """
    ranking = rank_for_figure(db, words, top=top)
    run_ids = [row.runs[0] for row in ranking.rows]
    runs = store.runs(db, run_ids=run_ids)
    from nnlab.analysis.sensitivity import measure_sensitivity  # imports torch

    measurements = [
        measure_sensitivity(db, run, examples=examples, grid=grid, directions=directions)
        for run in runs
    ]
    return landscape_figure(measurements)


def landscape_figure(measurements: "Sequence[Sensitivity]") -> PreparedFigure:
    """The figure of measured losses around the weights of runs.

    Raises:
        UsageError: `measurements` is empty.
    """
    if not measurements:
        raise UsageError("no run to draw the loss around")
    titles = run_titles([measurement.run for measurement in measurements])

    def draw() -> Figure:
        return draw_landscape(
            [
                LandscapeSlices(
                    f"run {measurement.run.id} {titles[measurement.run.id]}",
                    measurement.steps,
                    measurement.lines,
                    measurement.surface,
                )
                for measurement in measurements
            ]
        )

    rows: list[tuple[int | str | float | None, ...]] = [
        (measurement.run.id, f"line {number}", step, None, loss)
        for measurement in measurements
        for number, line in enumerate(measurement.lines, start=1)
        for step, loss in zip(measurement.steps, line, strict=True)
    ]
    rows += [
        (measurement.run.id, "plane", first, second, loss)
        for measurement in measurements
        for second, row in zip(measurement.steps, measurement.surface, strict=True)
        for first, loss in zip(measurement.steps, row, strict=True)
    ]
    runs = tuple(measurement.run.id for measurement in measurements)
    table = figure_table(("run", "of", "first step", "second step", "train/loss"), rows)
    return PreparedFigure(draw, table, runs, format_count(len(runs), "run"))


def run_titles(runs: "Sequence[Run]") -> dict[int, str]:
    """A label for each run, by its number: the settings that differ, and the seed."""
    fields = distinguishing_fields([run.trial.setting for run in runs])
    return {
        run.id: f"{setting_label(run.trial.setting, fields)} seed={run.seed}".strip()
        for run in runs
    }


def draw_landscape(runs: Sequence[LandscapeSlices]) -> Figure:
    """A figure with a row per run: lines on the left, the plane on the right, one scale of loss."""
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
    x_label = "Step, in lengths of the weights"
    ax.set_xlabel(wrap_to_width(x_label, available_text_width(2), current_paper().label_size))
    ax.set_ylabel("Training loss")


def _draw_plane(
    figure: Figure, ax: Axes, run: LandscapeSlices, limits: tuple[float, float]
) -> None:
    levels = np.geomspace(limits[0], limits[1] * (1 + 1e-9), _CONTOUR_LEVELS)
    values = np.clip(np.nan_to_num(np.array(run.surface), nan=limits[1]), *limits)
    contours = ax.contourf(run.steps, run.steps, values, levels=levels, norm="log", cmap="viridis")
    ax.plot(0, 0, marker="+", color="white", markersize=points(6))
    ax.set_aspect("equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(2, prune="lower" if axis is ax.yaxis else None))
    ax.grid(visible=False)
    ax.set_xlabel("First direction")
    ax.set_ylabel("Second direction")
    bar = figure.colorbar(contours, ax=ax, format="%.2g")
    bar.set_label("Training loss")
