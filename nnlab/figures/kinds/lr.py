"""`nnlab plot lr`: the learning rate schedules of runs, or of settings that are not trained."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.config import RunConfig, config_of
from nnlab.config.setting_differences import distinguishing_fields, setting_label
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
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import rank_for_figure
from nnlab.figures.untrained_settings import expand_settings
from nnlab.io.text import format_count
from nnlab.records import Setting

# Per line; a figure cannot show more.
_MAX_POINTS = 2000
_MARKERS_PER_LINE = 6
# The axis is logarithmic if the highest rates differ by more than the first factor. It then ends at
# the lowest peak divided by the second factor, because cosine schedules decrease to zero.
_MIN_RATIO_FOR_LOG_AXIS, _LOG_AXIS_DEPTH = 30.0, 100.0


@dataclass(frozen=True, slots=True)
class LearningRateCurve:
    """The learning rate of one setting: `rates[i]` applies from `epochs[i]` to `epochs[i + 1]`."""

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
    """The figure of learning rate schedules, evaluated step by step, with a line per schedule.

    Args:
        db: the database.
        words: studies or runs whose settings are drawn.
        settings: without `words`, the settings to draw, by field.
        steps: the number of steps per epoch.

    Raises:
        ConfigError: invalid settings.
        UnknownName: a word is neither a study nor a run.
        UsageError: an optimizer has no learning rate.
    """
    runs: tuple[int, ...] = ()
    configs: list[tuple[RunConfig, Setting]]
    if words:
        ranking = rank_for_figure(db, words, mixed=True)  # nothing is compared
        configs = [(config_of(row.setting, 0), row.setting) for row in ranking.rows]
        runs = tuple(run for row in ranking.rows for run in row.runs)
    else:
        configs = [(point.config, point.setting) for point in expand_settings(settings or {})]
    schedules = [
        (config, config.lr, setting) for config, setting in configs if config.lr is not None
    ]
    if optimizers := sorted({config.opt for config, _ in configs if config.lr is None}):
        raise UsageError(f"--opt {', '.join(optimizers)} has no learning rate to draw")
    lines = _learning_rate_curves(schedules, steps)

    def draw() -> Figure:
        return draw_learning_rates(lines)

    rows = [
        (line.label, epoch, rate)
        for line in lines
        for epoch, rate in zip(line.epochs, line.rates, strict=True)
    ]
    notes = []
    if any(config.decay == "plateau" for config, _ in configs):
        notes = ["plateau depends on val/loss: drawn as if every epoch improved it"]
    table = figure_table(("setting", "epoch", "lr"), rows)
    return PreparedFigure(draw, table, runs, format_count(len(lines), "schedule"), tuple(notes))


def _learning_rate_curves(
    schedules: "Sequence[tuple[RunConfig, float, Setting]]", steps: int
) -> list[LearningRateCurve]:
    """A line for each schedule; settings with the same decay and the same rates share a line."""
    curves: dict[tuple[object, ...], tuple[Setting, LearningRateCurve]] = {}
    for config, lr, setting in schedules:
        epochs, rates = _learning_rate_by_epoch(config, lr, steps)
        key = (config.decay, epochs, rates)
        curves.setdefault(key, (setting, LearningRateCurve("", epochs, rates)))
    fields = distinguishing_fields([setting for setting, _ in curves.values()]) or ("decay",)
    return [
        replace(line, label=setting_label(setting, fields)) for setting, line in curves.values()
    ]


def _learning_rate_by_epoch(
    config: RunConfig, lr: float, steps: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Epochs, and the learning rate from each epoch on; the last rate is repeated at the end."""
    from nnlab.engine.schedules import build_schedule  # imports torch

    schedule = build_schedule(config, steps)
    count = config.epochs * steps
    epochs = [step / steps for step in range(0, count, math.ceil(count / _MAX_POINTS))]
    rates = [lr * schedule(epoch) for epoch in epochs]
    return (*epochs, float(config.epochs)), (*rates, rates[-1])


def draw_learning_rates(lines: Sequence[LearningRateCurve]) -> Figure:
    """A figure with all lines in one panel, and a legend if there are several.

    The first twelve are named, further ones are grey. The axis starts at 0; it is logarithmic if
    the highest rates of the lines differ by more than a factor of thirty.
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
    values = [rate for line in lines for rate in line.rates if rate >= lowest]
    set_value_axis(ax, values if log else [0.0, *values], peaks, log=log)
    set_epoch_axis(ax, 0, round(max(line.epochs[-1] for line in lines)))
    for rank, (line, style) in enumerate(zip(lines, series_styles(lines), strict=True)):
        _draw_curve(ax, line, style, rank, len(lines))
    ax.set_xlabel("Epoch")
    ax.set_ylabel("Learning rate")


def _draw_curve(
    ax: Axes, line: LearningRateCurve, style: SeriesStyle, rank: int, count: int
) -> None:
    """Draws one line; markers of different lines are at different epochs, so all are visible."""
    is_named = style.index is not None
    spacing = max(1, len(line.epochs) // _MARKERS_PER_LINE)
    ax.plot(
        line.epochs,
        line.rates,
        color=style.color,
        linewidth=points(1.3 if is_named else 0.6),
        alpha=1.0 if is_named else 0.55,
        drawstyle="steps-post",
        marker=style.marker or None,
        markersize=points(2.8),
        markevery=(rank * spacing // min(count, MAX_NAMED) % spacing, spacing),
        zorder=4 - rank / count if is_named else 2.5,
        label=curve_label(rank),
    )
