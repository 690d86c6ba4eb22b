"""`nnlab plot calibration`: reliability diagrams of trained models on a split."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnlab import store
from nnlab.figures.draw.labels import short_labels, wrap_to_width
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout, panel_grid
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.predictions import predict_best_trials, test_split_notes
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.stats.class_predictions import (
    CalibrationBin,
    expected_calibration_error,
    reliability_bins,
)

_PANEL_HEIGHT, _MIN_PANEL_WIDTH = 2.3, 1.75


@dataclass(frozen=True, slots=True)
class ReliabilityDiagram:
    """One model: its non-empty bins, and its expected calibration error."""

    title: str
    bins: tuple[CalibrationBin, ...]
    error: float


def prepare_calibration(
    db: store.Database, words: Sequence[str], *, split: str = "val", bins: int = 15, top: int = 2
) -> PreparedFigure:
    """The reliability diagrams of a run of each of the best trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished, a run has no stored weights, or it predicts no classes.
    """
    predictions = predict_best_trials(db, words, split, top=top)
    models = []
    for title, prediction in predictions:
        binned = reliability_bins(prediction.probabilities, prediction.targets, bins)
        models.append((title, prediction.run, binned, expected_calibration_error(binned)))

    def draw() -> Figure:
        return draw_calibration(
            [ReliabilityDiagram(title, binned, error) for title, _, binned, error in models]
        )

    rows = [
        (run, bin_.low, bin_.high, bin_.confidence, bin_.right, *bin_.interval, bin_.count)
        for _, run, binned, _ in models
        for bin_ in binned
    ]
    columns = ("run", "from", "to", "confidence", "right", "low", "high", "examples")
    runs = tuple(prediction.run for _, prediction in predictions)
    summary = "; ".join(
        f"run {run}: expected calibration error {error:.3f}" for _, run, _, error in models
    )
    return PreparedFigure(draw, figure_table(columns, rows), runs, summary, test_split_notes(split))


def draw_calibration(models: Sequence[ReliabilityDiagram]) -> Figure:
    """A figure of reliability diagrams (Guo et al. 2017), a panel per model, with bin sizes."""
    with style_context():
        available_width = (
            0.75 * current_paper().width / panel_grid(len(models), _MIN_PANEL_WIDTH)[1]
        )
        titles = [
            wrap_to_width(t, available_width, current_paper().size, 1)
            for t in _panel_titles(models)
        ]

        def draw(axes: Sequence[Axes]) -> None:
            for ax, model, title in zip(axes, models, titles, strict=True):
                _draw_panel(ax, model)
                examples = sum(bin_.count for bin_ in model.bins)
                error_text = wrap_to_width(
                    f"ECE {model.error:.3f}, n = {examples:,}",
                    available_width,
                    current_paper().size,
                )
                ax.set_title(f"{title}\n{error_text}", fontsize=current_paper().size, pad=points(6))

        figure = figure_with_legend(
            len(models), _legend_blocks(), draw, height=_PANEL_HEIGHT, least=_MIN_PANEL_WIDTH
        )
        freeze_layout(figure)
        return figure


def _panel_titles(models: Sequence[ReliabilityDiagram]) -> list[str]:
    return short_labels([model.title for model in models])


def _draw_panel(ax: Axes, model: ReliabilityDiagram) -> None:
    look = current_paper().look
    ax.plot(
        [0, 1], [0, 1], color=look.grey, linewidth=points(0.8), linestyle=REFERENCE_DASHES, zorder=1
    )
    total = sum(bin_.count for bin_ in model.bins)
    for bin_ in model.bins:
        ax.bar(
            (bin_.low + bin_.high) / 2,
            bin_.count / total,
            width=(bin_.high - bin_.low) * 0.92,
            color=look.grey,
            alpha=0.35,
            linewidth=0,
            zorder=1.2,
        )
        x = [bin_.confidence, bin_.confidence]
        ax.plot(x, bin_.interval, color=color(0), linewidth=points(0.9), zorder=3)
    # No line joins the points: between bins there are no examples.
    ax.plot(
        [bin_.confidence for bin_ in model.bins],
        [bin_.right for bin_ in model.bins],
        linestyle="",
        color=color(0),
        marker="o",
        markersize=points(3),
        zorder=4,
        clip_on=False,
    )
    ax.set_box_aspect(1)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "0.25", "0.5", "0.75", "1"])
    ax.set_xlabel("Confidence")
    ax.set_ylabel("Accuracy")


def _legend_blocks() -> list[list[LegendEntry]]:
    look = current_paper().look
    marks = [
        LegendEntry(
            Line2D([], [], color=color(0), marker="o", markersize=points(3)),
            "accuracy in a bin, 95 % CI (Wilson)",
        ),
        LegendEntry(Patch(facecolor=look.grey, alpha=0.35, linewidth=0), "share of the examples"),
        LegendEntry(
            Line2D([], [], color=look.grey, linewidth=points(0.8), linestyle=REFERENCE_DASHES),
            "perfect calibration",
        ),
    ]
    key = "ECE: expected calibration error"
    return [marks, [LegendEntry(Line2D([], [], linestyle=""), key)]]
