"""`nnlab plot lr`: learning rates as schedules set them, of runs or of settings untrained. // Learning rates over epochs, as schedules set them, before anything is trained."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.analysis.ranking import format_count
from nnlab.config import RunConfig, config_of
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.errors import UsageError
from nnlab.figures.draw.axis_scales import set_epoch_axis, set_value_axis
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.paper import points
from nnlab.figures.draw.series_style import (
    MAX_NAMED,
    SeriesStyle,
    curve_label,
    series_legend_entries,
    series_styles,
)
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import rank_for_figure
from nnlab.figures.untrained_settings import expand_settings

if TYPE_CHECKING:
    from nnlab.records import Setting

# More than a figure can show.
_MAX_POINTS = 2000
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


def prepare_learning_rates(
    db: store.Database,
    words: Sequence[str],
    *,
    settings: Mapping[str, Any] | None = None,
    steps: int = 100,
) -> PreparedFigure:
    """A line for each learning rate, drawn step by step from its schedule.

    Args:
        db: the database.
        words: studies or runs, whose settings are drawn.
        settings: where no words are given, those typed, by field.
        steps: in an epoch.

    Raises:
        ConfigError: settings that do not hold.
        UnknownName: a word is neither a study nor a run.
        UsageError: an optimizer among them has no learning rate.
    """
    runs: tuple[int, ...] = ()
    found: list[tuple[RunConfig, Setting]]
    if words:
        ranking = rank_for_figure(db, words, mixed=True)  # schedules are drawn, nothing is compared
        found = [(config_of(row.setting, 0), row.setting) for row in ranking.rows]
        runs = tuple(run for row in ranking.rows for run in row.runs)
    else:
        found = [(point.config, point.setting) for point in expand_settings(settings or {})]
    if without := sorted({config.opt for config, _ in found if config.lr is None}):
        raise UsageError(f"--opt {', '.join(without)} has no learning rate to draw")
    lines = _learning_rate_curves(found, steps)

    def draw() -> Figure:
        return draw_learning_rates(lines)

    rows = [
        (line.label, epoch, rate)
        for line in lines
        for epoch, rate in zip(line.epochs, line.rates, strict=True)
    ]
    notes = []
    if any(config.decay == "plateau" for config, _ in found):
        notes = ["plateau follows val/loss: drawn as if that had a new best in every epoch"]
    table = numbers(("setting", "epoch", "lr"), rows)
    return PreparedFigure(draw, table, runs, format_count(len(lines), "schedule"), tuple(notes))


def _learning_rate_curves(
    found: "Sequence[tuple[RunConfig, Setting]]", steps: int
) -> list[LearningRateCurve]:
    """A line for each learning rate; settings of a decay that differ only elsewhere share one."""
    drawn: dict[tuple[object, ...], tuple[Setting, LearningRateCurve]] = {}
    for config, setting in found:
        epochs, rates = _learning_rate_by_epoch(config, steps)
        key = (config.decay, epochs, rates)
        drawn.setdefault(key, (setting, LearningRateCurve("", epochs, rates)))
    fields = distinguishing_fields([setting for setting, _ in drawn.values()]) or ("decay",)
    return [replace(line, label=setting_label(setting, fields)) for setting, line in drawn.values()]


def _learning_rate_by_epoch(
    config: RunConfig, steps: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Epochs and the learning rate from each on; the last one stands twice, to the very end."""
    from nnlab.engine.schedules import build_schedule

    assert config.lr is not None
    schedule = build_schedule(config, steps)
    count = config.epochs * steps
    epochs = [step / steps for step in range(0, count, math.ceil(count / _MAX_POINTS))]
    rates = [config.lr * schedule(epoch) for epoch in epochs]
    return (*epochs, float(config.epochs)), (*rates, rates[-1])


def draw_learning_rates(lines: Sequence[LearningRateCurve]) -> Figure:
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
