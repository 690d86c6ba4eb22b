"""`nnlab plot landscape`: the loss around trained weights along random directions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.draw.animation import evenly_spaced
from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.display_names import trial_name
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import available_text_width, freeze_layout, new_figure, panel_grid
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import rank_for_figure
from nnlab.io.text import format_count
from nnlab.records import Run
from nnlab.settings.setting_differences import distinguishing_fields, setting_label

if TYPE_CHECKING:
    from nnlab.analysis.landscape_epochs import RetrainedLandscape
    from nnlab.analysis.sensitivity import Sensitivity
_ROW_HEIGHT, _EPOCH_PANEL_HEIGHT = 2.3, 1.9  # inches
_MAX_EPOCHS, _MAX_EPOCH_PANELS = 30, 6
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
    over_epochs: bool = False,
) -> PreparedFigure:
    """The figure of the loss around the weights of one run of each of the best trials.

    With `over_epochs` it shows the best run after some of its epochs.

    Args:
        db: the database.
        words: names of studies, or runs by number or name.
        examples: the number of training examples on which the loss is measured.
        grid: the number of steps along each direction.
        directions: the number of random directions.
        top: the number of trials.
        over_epochs: whether to train the best run again and show several of its epochs.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished, or a run has no stored weights.
    """
    if over_epochs:
        return _prepare_epochs(db, words, examples=examples, grid=grid, directions=directions)
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
    fields = distinguishing_fields([m.run.trial.setting for m in measurements])

    def draw() -> Figure:
        return draw_landscape(
            [
                LandscapeSlices(
                    _panel_title(measurement.run, fields),
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


def _prepare_epochs(
    db: store.Database, words: Sequence[str], *, examples: int, grid: int, directions: int
) -> PreparedFigure:
    ranking = rank_for_figure(db, words, top=1)
    (run,) = store.runs(db, run_ids=[ranking.rows[0].runs[0]])
    from nnlab.analysis.landscape_epochs import measure_landscape_epochs  # imports torch

    result = measure_landscape_epochs(
        db,
        run,
        evenly_spaced(range(run.epochs + 1), _MAX_EPOCHS),
        examples=examples,
        grid=grid,
        directions=directions,
    )
    slices = [
        LandscapeSlices(f"run {run.id}, epoch {m.epoch}", m.steps, m.lines, m.surface)
        for m in result.epochs
    ]
    rows: list[tuple[int | str | float | None, ...]] = []
    for measured in result.epochs:
        rows += [
            (measured.epoch, f"line {number}", step, None, loss)
            for number, line in enumerate(measured.lines, start=1)
            for step, loss in zip(measured.steps, line, strict=True)
        ]
        rows += [
            (measured.epoch, "plane", first, second, loss)
            for second, row in zip(measured.steps, measured.surface, strict=True)
            for first, loss in zip(measured.steps, row, strict=True)
        ]
    notes = [f"run {run.id} was trained again; its training losses {_difference_text(result)}"]
    if ranking.total > 1 or len(ranking.rows[0].runs) > 1:
        notes.append(f"only run {run.id} is shown over epochs")

    def frames() -> Iterator[Figure]:
        limits = _loss_limits(slices)
        for frame in slices:
            yield draw_landscape([frame], limits)

    table = figure_table(("epoch", "of", "first step", "second step", "train/loss"), rows)
    return PreparedFigure(
        lambda: draw_landscape_epochs(slices),
        table,
        (run.id,),
        "1 run",
        tuple(notes),
        frames=frames,
    )


def _difference_text(result: "RetrainedLandscape") -> str:
    difference = result.max_loss_difference
    if difference == 0:
        return "are the stored ones"
    return f"differ from the stored ones by up to {max(100 * difference, 0.01):.2g} %"


def _panel_title(run: Run, fields: Sequence[str]) -> str:
    """The name of the trial, as in other figures, with the number of the run."""
    name = trial_name(run.trial.setting, fields)
    return f"{name} (run {run.id})" if name else f"Run {run.id}"


def run_titles(runs: "Sequence[Run]") -> dict[int, str]:
    """A label for each run in a table, by its number: the settings that differ, and the seed."""
    fields = distinguishing_fields([run.trial.setting for run in runs])
    return {
        run.id: f"{setting_label(run.trial.setting, fields)} seed={run.seed}".strip()
        for run in runs
    }


def draw_landscape_epochs(epochs: Sequence[LandscapeSlices]) -> Figure:
    """A figure with a panel for each of some epochs: the loss in the plane, on one scale."""
    shown = evenly_spaced(epochs, _MAX_EPOCH_PANELS)
    limits = _loss_limits(epochs)
    with style_context():
        rows, columns = panel_grid(len(shown))
        figure = new_figure(_EPOCH_PANEL_HEIGHT * rows)
        grid = figure.subplots(rows, columns, squeeze=False)
        for ax in grid.flat[len(shown) :]:
            ax.remove()
        panels = list(grid.flat[: len(shown)])
        for index, (ax, epoch) in enumerate(zip(panels, shown, strict=True)):
            contours = _draw_contours(ax, epoch, limits)
            title = epoch.label.rpartition(", ")[2]
            ax.set_title(title[:1].upper() + title[1:])
            if index % columns:
                ax.set_ylabel("")
        _draw_color_bar(figure, contours, panels, rows)
        freeze_layout(figure)
        return figure


def _loss_limits(slices: Sequence[LandscapeSlices]) -> tuple[float, float]:
    """The smallest and largest finite loss; the smallest is positive, for a logarithmic scale."""
    finite = [
        value
        for part in slices
        for row in (*part.lines, *part.surface)
        for value in row
        if np.isfinite(value)
    ]
    return max(min(finite), 1e-12), max(finite)


def draw_landscape(
    runs: Sequence[LandscapeSlices], limits: tuple[float, float] | None = None
) -> Figure:
    """A figure with a row per run: lines on the left, the plane on the right, one scale of loss.

    Args:
        runs: the measurements.
        limits: the smallest and largest loss of the scale; None takes those of the runs.
    """
    with style_context():
        figure = new_figure(_ROW_HEIGHT * len(runs))
        grid = figure.subplots(len(runs), 2, squeeze=False)
        low, high = limits or _loss_limits(runs)
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
    _draw_color_bar(figure, _draw_contours(ax, run, limits), [ax])


def _draw_contours(ax: Axes, run: LandscapeSlices, limits: tuple[float, float]) -> QuadContourSet:
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
    return contours


def _draw_color_bar(
    figure: Figure, contours: QuadContourSet, panels: Sequence[Axes], rows: int = 1
) -> None:
    """Draws a colour bar beside panels in `rows` rows; it is equally wide for any number."""
    bar = figure.colorbar(contours, ax=panels, format="%.2g", aspect=20 * rows)
    bar.set_label("Training loss")
