"""Learning rates over epochs, as schedules set them, before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab.figures.draw.axis_scales import set_epoch_axis, set_value_axis
from nnlab.figures.draw.curves import MAX_NAMED, series_legend_entries, series_styles
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.panel import SeriesStyle, curve_label
from nnlab.figures.draw.paper import points
from nnlab.figures.draw.style import style_context

_MARKERS_PER_LINE = 6
# Peaks further apart than this need a logarithm, whose view ends so far below the lowest peak:
# a cosine goes down to nothing.
_MIN_RATIO_FOR_LOG_AXIS, _LOG_AXIS_DEPTH = 30.0, 100.0


@dataclass(frozen=True, slots=True)
class LearningRateCurve:
    """The learning rate of one setting: `rates[i]` holds from epoch `epochs[i]` to the next."""

    label: str
    epochs: tuple[float, ...]
    rates: tuple[float, ...]


def learning_rates(lines: Sequence[LearningRateCurve]) -> Figure:
    """Draws the lines in one panel, with a legend where there are several.

    The first twelve are named, further ones are grey. The axis starts at 0, or is logarithmic
    where the highest rates of the lines are more than a factor of thirty apart.
    """
    with style_context():
        entries = (
            series_legend_entries([line.label for line in lines], "setting")
            if len(lines) > 1
            else []
        )
        figure = figure_with_legend(1, [entries], lambda axes: _draw_curves(axes[0], lines))
        freeze_layout(figure)
        return figure


def _draw_curves(ax: Axes, lines: Sequence[LearningRateCurve]) -> None:
    peaks = [max(line.rates) for line in lines]
    log = max(peaks) / min(peaks) > _MIN_RATIO_FOR_LOG_AXIS
    lowest = min(peaks) / _LOG_AXIS_DEPTH if log else 0.0
    seen = [rate for line in lines for rate in line.rates if rate >= lowest]
    set_value_axis(ax, seen if log else [0.0, *seen], peaks, log=log)
    set_epoch_axis(ax, 0, round(max(line.epochs[-1] for line in lines)))
    for rank, (line, look) in enumerate(zip(lines, series_styles(lines), strict=True)):
        _draw_curve(ax, line, look, rank, len(lines))
    ax.set_xlabel("Epoch")
    ax.set_ylabel("Learning rate")


def _draw_curve(
    ax: Axes, line: LearningRateCurve, look: SeriesStyle, rank: int, count: int
) -> None:
    """One line; markers of different lines stand at different epochs, so that none hides one."""
    series_legend_entries = look.index is not None
    apart = max(1, len(line.epochs) // _MARKERS_PER_LINE)
    ax.plot(
        line.epochs,
        line.rates,
        color=look.color,
        linewidth=points(1.3 if series_legend_entries else 0.6),
        alpha=1.0 if series_legend_entries else 0.55,
        drawstyle="steps-post",
        marker=look.marker or None,
        markersize=points(2.8),
        markevery=(rank * apart // min(count, MAX_NAMED) % apart, apart),
        zorder=4 - rank / count if series_legend_entries else 2.5,
        label=curve_label(rank),
    )
