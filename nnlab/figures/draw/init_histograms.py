"""What each layer puts out at the start: a row of histograms an initialisation, and their sd."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.labels import text_inches
from nnlab.figures.draw.layout import new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import marker, style_context

_ROW_HEIGHT, _SD_PANEL_HEIGHT = 0.75, 2.0  # inches
_BINS = 40
# Layers that have their histogram drawn, of deep models some.
MAX_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class InitHistograms:
    """One initialisation: its label, the sd of every layer's outputs, and samples of some.

    `samples` are by the layer's number, counted from 1: at most `MAX_COLUMNS` of them.
    """

    label: str
    sds: Sequence[float]
    samples: Mapping[int, Sequence[float]]


def draw_init_histograms(rows: Sequence[InitHistograms]) -> Figure:
    """A row of histograms for each initialisation, above the sd of every layer on a log scale."""
    with style_context():
        columns = max(len(row.samples) for row in rows)
        height = _ROW_HEIGHT * len(rows) + _SD_PANEL_HEIGHT
        figure = new_figure(height)
        ratios = [_ROW_HEIGHT * len(rows), _SD_PANEL_HEIGHT]
        top, bottom = figure.subfigures(2, 1, height_ratios=ratios, squeeze=False)[:, 0]
        grid = top.subplots(len(rows), columns, squeeze=False)
        for number, (row, axes) in enumerate(zip(rows, grid, strict=True)):
            _draw_histograms(list(axes), row, number, last=number == len(rows) - 1)
        _draw_sds(bottom.subplots(), rows)
        return figure


def _draw_histograms(axes: Sequence[Axes], row: InitHistograms, number: int, *, last: bool) -> None:
    for ax, (layer, sample) in zip(axes, row.samples.items(), strict=False):
        low, high = min(sample), max(sample)
        if high > low:
            heights, _, _ = ax.hist(
                sample, bins=_BINS, range=(low, high), color=color(number), linewidth=0
            )
            # The spike of a relu's zeros would flatten all else: it leaves the panel at the top.
            ax.set_ylim(0, 1.3 * sorted(np.atleast_1d(heights))[-2] or None)
        else:
            ax.axvline(low, color=color(number))
        ax.set_yticks([])
        ax.grid(visible=False)
        ax.set_xticks([low, high] if high > low else [low])
        ax.set_xticklabels(
            [f"{v:.2g}" for v in ([low, high] if high > low else [low])], fontsize=4.5
        )
        if number == 0:
            room = 0.7 * current_paper().width / len(axes)
            told = f"layer {layer}" if text_inches("layer 10", points(6)) < room else f"{layer}"
            ax.set_title(told, fontsize=points(6))
    if last:
        axes[len(axes) // 2].set_xlabel("output", fontsize=points(6))
    axes[0].set_ylabel(row.label, fontsize=points(5.5), rotation=0, ha="right", va="center")


def _draw_sds(ax: Axes, rows: Sequence[InitHistograms]) -> None:
    for number, row in enumerate(rows):
        layers = range(1, len(row.sds) + 1)
        ax.plot(layers, row.sds, color=color(number), marker=marker(number), label=row.label)
    if all(sd > 0 for row in rows for sd in row.sds):
        ax.set_yscale("log")
        every = [sd for row in rows for sd in row.sds]
        set_log_ticks(ax.yaxis, min(every), max(every))
    ax.set_xlabel("Layer")
    ax.set_ylabel("sd of its outputs")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
