"""x // Reliability: how often a model is right where it says that it is so sure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.figures.draw.labels import short_labels, wrap_to_width
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout, panel_grid
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.predictions import predict_best_trials, test_split_notes
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.stats.class_predictions import CalibrationBin

if TYPE_CHECKING:
    pass

_PANEL_HEIGHT, _MIN_PANEL_WIDTH = 2.3, 1.75


@dataclass(frozen=True, slots=True)
class ReliabilityDiagram:
    """One model: its bins that are not empty, and the expected calibration error over them."""

    title: str
    bins: tuple[CalibrationBin, ...]
    error: float


def prepare_calibration(
    db: store.Database, words: Sequence[str], *, split: str = "val", bins: int = 15, top: int = 2
) -> PreparedFigure:
    """Reliability of a run of each of the best trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, a run kept no weights, or has no classes.
    """
    found = predict_best_trials(db, words, split, top=top)
    from nnlab.stats.class_predictions import expected_calibration_error, reliability_bins

    models = []
    for title, of in found:
        binned = reliability_bins(of.probabilities, of.targets, bins)
        models.append((title, of.run, binned, expected_calibration_error(binned)))

    def draw() -> Figure:
        return draw_calibration(
            [ReliabilityDiagram(title, binned, error) for title, _, binned, error in models]
        )

    rows = [
        (run, one.low, one.high, one.confidence, one.right, *one.interval, one.count)
        for _, run, binned, _ in models
        for one in binned
    ]
    columns = ("run", "from", "to", "confidence", "right", "low", "high", "examples")
    runs = tuple(of.run for _, of in found)
    told = "; ".join(
        f"run {run}: expected calibration error {error:.3f}" for _, run, _, error in models
    )
    return PreparedFigure(draw, numbers(columns, rows), runs, told, test_split_notes(split))


def draw_calibration(models: Sequence[ReliabilityDiagram]) -> Figure:
    """Draws reliability diagrams (Guo et al. 2017), a panel a model, with shares of examples."""
    with style_context():
        room = 0.75 * current_paper().width / panel_grid(len(models), _MIN_PANEL_WIDTH)[1]
        titles = [
            wrap_to_width(t, room, current_paper().label_size, 1) for t in _panel_titles(models)
        ]

        def draw(axes: Sequence[Axes]) -> None:
            for ax, one, title in zip(axes, models, titles, strict=True):
                _draw_panel(ax, one)
                told = wrap_to_width(
                    f"calibration error {one.error:.3f}", room, current_paper().label_size
                )
                ax.set_title(f"{title}\n{told}")
                ax.set_xlabel(
                    wrap_to_width("Confidence (bars: examples)", room, current_paper().label_size)
                )

        figure = figure_with_legend(
            len(models), [], draw, height=_PANEL_HEIGHT, least=_MIN_PANEL_WIDTH
        )
        freeze_layout(figure)
        return figure


def _panel_titles(models: Sequence[ReliabilityDiagram]) -> list[str]:
    return short_labels([one.title for one in models])


def _draw_panel(ax: Axes, one: ReliabilityDiagram) -> None:
    look = current_paper().look
    ax.plot(
        [0, 1], [0, 1], color=look.grey, linewidth=points(0.8), linestyle=REFERENCE_DASHES, zorder=1
    )
    total = sum(found.count for found in one.bins)
    for found in one.bins:
        ax.bar(
            (found.low + found.high) / 2,
            found.count / total,
            width=(found.high - found.low) * 0.92,
            color=look.grey,
            alpha=0.35,
            linewidth=0,
            zorder=1.2,
        )
        place = [found.confidence, found.confidence]
        ax.plot(place, found.interval, color=color(0), linewidth=points(0.9), zorder=3)
    ax.plot(
        [found.confidence for found in one.bins],
        [found.right for found in one.bins],
        color=color(0),
        marker="o",
        markersize=points(3),
        zorder=4,
    )
    ax.set_box_aspect(1)
    ax.set_xlim(0, 1)
    ax.set_xticks([0.25, 0.5, 0.75, 1.0])
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("Share that is right")
