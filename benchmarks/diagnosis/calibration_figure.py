"""The figure of docs/diagnosis-accuracy.md: stated confidence against the share that is correct."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from diagnosis.score import DiagnosedSpecimen, calibration_bins, finding_outcomes
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.stats.class_predictions import CalibrationBin


def draw_calibration(halves: Mapping[str, Sequence[DiagnosedSpecimen]], path: Path) -> None:
    """Writes the figure: one panel per half, a point with its 95 % interval per bin."""
    bins = {
        half: calibration_bins([(f.confidence, c) for f, c in finding_outcomes(specimens)])
        for half, specimens in halves.items()
    }

    def draw(axes: Sequence[Axes]) -> None:
        for ax, (half, rows) in zip(axes, bins.items(), strict=True):
            _draw_panel(ax, rows)
            ax.set_title(f"{half} half, {sum(row.count for row in rows):,} findings")

    with style_context():
        figure = figure_with_legend(len(bins), [_legend()], draw, height=2.3, least=1.75)
        freeze_layout(figure)
        _save(figure, path)


def _draw_panel(ax: Axes, rows: Sequence[CalibrationBin]) -> None:
    look = current_paper().look
    ax.plot([0.5, 1], [0.5, 1], color=look.grey, linestyle=REFERENCE_DASHES, zorder=1)
    for row in rows:
        x = [row.confidence, row.confidence]
        ax.plot(x, row.interval, color=color(0), linewidth=points(0.9), zorder=3)
        ax.plot(x[:1], [row.right], color=color(0), marker="o", markersize=points(3), zorder=4)
    ax.set_box_aspect(1)
    ax.set_xlim(0.48, 1)
    ax.set_ylim(0.38, 1.02)
    ax.set_xlabel("Stated confidence")
    ax.set_ylabel("Share of correct findings")


def _legend() -> list[LegendEntry]:
    look = current_paper().look
    marker = Line2D([], [], color=color(0), marker="o", markersize=points(3))
    dashes = Line2D([], [], color=look.grey, linestyle=REFERENCE_DASHES)
    return [
        LegendEntry(marker, "findings of a bin, 95 % CI (Wilson)"),
        LegendEntry(dashes, "perfect calibration"),
    ]


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without a date or version, the same numbers give the same file.
    figure.savefig(path, dpi=200, metadata={"Software": None})
