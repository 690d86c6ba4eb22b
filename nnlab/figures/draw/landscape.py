"""The loss around trained weights: lines along random directions, and a plane of two of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnlab.figures.draw.frame import new_figure, text_room
from nnlab.figures.draw.labels import fitted
from nnlab.figures.draw.paper import color, paper, points
from nnlab.figures.draw.scales import log_ticks
from nnlab.figures.draw.style import style

_ROW = 2.3  # inches
_LEVELS = 12


@dataclass(frozen=True, slots=True)
class Slices:
    """One run: its label, steps along a direction, a line a direction, a plane of two of them."""

    label: str
    steps: Sequence[float]
    lines: Sequence[Sequence[float]]
    surface: Sequence[Sequence[float]]


def landscape(runs: Sequence[Slices]) -> Figure:
    """A row a run: the lines on the left, the plane on the right, all on one scale of the loss."""
    with style():
        figure = new_figure(_ROW * len(runs))
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
            _lines(axes[0], run, row, (low, high))
            _plane(figure, axes[1], run, (low, high))
        return figure


def _lines(ax: Axes, run: Slices, row: int, limits: tuple[float, float]) -> None:
    for values in run.lines:
        ax.plot(run.steps, values, color=color(row), linewidth=points(0.8), alpha=0.8)
    ax.set_yscale("log")
    ax.set_ylim(limits[0] * 0.8, limits[1] * 1.25)
    log_ticks(ax.yaxis, *limits)
    ax.set_title(fitted(run.label, text_room(2), paper().label_size, 2))
    ax.xaxis.set_major_locator(MaxNLocator(2))
    told = "Step, in lengths of the weights"
    ax.set_xlabel(fitted(told, text_room(2), paper().label_size))
    ax.set_ylabel("Training loss")


def _plane(figure: Figure, ax: Axes, run: Slices, limits: tuple[float, float]) -> None:
    levels = np.geomspace(limits[0], limits[1] * (1 + 1e-9), _LEVELS)
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
