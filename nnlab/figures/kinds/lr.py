"""`nnlab plot lr`: the learning rate schedules of runs, or of settings that are not trained."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.draw.axis_scales import set_epoch_axis, set_value_axis
from nnlab.figures.draw.display_names import trial_name, value_name
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
from nnlab.figures.kinds.curves import prepare_curves
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import rank_for_figure, trial_title
from nnlab.figures.untrained_settings import expand_settings
from nnlab.io.text import format_count
from nnlab.records import Setting
from nnlab.settings import RunConfig, config_of, is_builtin_setting
from nnlab.settings.setting_differences import distinguishing_fields

# Per line; a figure cannot show more.
_MAX_POINTS = 2000
_MARKERS_PER_LINE = 6
_MAX_NAMES_IN_NOTE = 6
# The axis is logarithmic if the highest rates differ by more than the first factor. It then ends at
# the lowest peak divided by the second factor, because cosine schedules decrease to zero.
_MIN_RATIO_FOR_LOG_AXIS, _LOG_AXIS_DEPTH = 30.0, 100.0


@dataclass(frozen=True, slots=True)
class LearningRateCurve:
    """A schedule: `rates[i]` applies from `epochs[i]` to `epochs[i + 1]`.

    `trials` are the names of the trials, or settings, that share it.
    """

    label: str
    epochs: tuple[float, ...]
    rates: tuple[float, ...]
    trials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _ScheduledTrial:
    """A trial, or a setting that is not trained, whose schedule is drawn."""

    config: RunConfig
    lr: float
    setting: Setting
    name: str


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
        UsageError: an optimizer has no learning rate, or a program did not log it.
    """
    runs: tuple[int, ...] = ()
    has_arms = False
    settings_by_name: list[tuple[RunConfig, Setting, str]]
    if words:
        ranking = rank_for_figure(db, words, mixed=True)  # nothing is compared
        if not all(is_builtin_setting(row.setting) for row in ranking.rows):
            # Only what another program logged is known of its schedule.
            return prepare_curves(db, words, metric=("lr",))
        settings_by_name = [
            (config_of(row.setting, 0), row.setting, trial_title(row, ranking))
            for row in ranking.rows
        ]
        runs = tuple(run for row in ranking.rows for run in row.runs)
        has_arms = any(row.arm for row in ranking.rows)
    else:
        points = expand_settings(settings or {})
        fields = distinguishing_fields([point.setting for point in points])
        settings_by_name = [
            (point.config, point.setting, trial_name(point.setting, fields)) for point in points
        ]
    configs = [config for config, _, _ in settings_by_name]
    if optimizers := sorted({config.opt for config in configs if config.lr is None}):
        raise UsageError(f"--opt {', '.join(optimizers)} has no learning rate to draw")
    lines = _learning_rate_curves(
        [
            _ScheduledTrial(config, config.lr, setting, name)
            for config, setting, name in settings_by_name
            if config.lr is not None
        ],
        steps,
        "trial" if words else "setting",
        has_arms=has_arms,
    )

    def draw() -> Figure:
        return draw_learning_rates(lines)

    rows = [
        (line.label, epoch, rate)
        for line in lines
        for epoch, rate in zip(line.epochs, line.rates, strict=True)
    ]
    notes = [
        f"{line.label}: {_name_list(line.trials)}"
        for line in lines[:MAX_NAMED]
        if len(line.trials) > 1
    ]
    if any(config.decay == "plateau" for config in configs):
        notes.append("plateau depends on val/loss: drawn as if every epoch improved it")
    table = figure_table(("setting", "epoch", "lr"), rows)
    return PreparedFigure(draw, table, runs, format_count(len(lines), "schedule"), tuple(notes))


def _name_list(names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMES_IN_NOTE
    shown = "; ".join(names[:_MAX_NAMES_IN_NOTE])
    return f"{shown}; and {more} more" if more > 0 else shown


def _learning_rate_curves(
    trials: Sequence[_ScheduledTrial], steps: int, noun: str, *, has_arms: bool = False
) -> list[LearningRateCurve]:
    """A line for each schedule; trials with the same rates share a line.

    The label of a line consists of the values that distinguish its trials from those of the other
    lines, and their number if there are several.
    """
    groups: dict[tuple[object, ...], list[_ScheduledTrial]] = {}
    for trial in trials:
        groups.setdefault(_learning_rate_by_epoch(trial.config, trial.lr, steps), []).append(trial)
    labels = [_joined_names(group) for group in groups.values()] if has_arms else []
    labels = labels or _group_labels(list(groups.values()))
    lines = []
    for label, group in zip(labels, groups.values(), strict=True):
        epochs, rates = _learning_rate_by_epoch(group[0].config, group[0].lr, steps)
        counted = f" ({len(group)} {noun}s)" if len(group) > 1 else ""
        names = tuple(trial.name for trial in group)
        lines.append(LearningRateCurve(label + counted, epochs, rates, names))
    return lines


def _joined_names(group: Sequence[_ScheduledTrial]) -> str:
    """The names of the trials of a group, which are those of their arms."""
    names = list(dict.fromkeys(trial.name for trial in group))
    return " or ".join(names[:_MAX_NAMES_IN_NOTE])


def _group_labels(groups: Sequence[Sequence[_ScheduledTrial]]) -> list[str]:
    """What the trials of each group have in common, as far as it distinguishes the groups."""
    settings = [trial.setting for group in groups for trial in group]
    fields = distinguishing_fields(settings)
    labels = []
    for group in groups:
        parts = []
        for name in fields:
            values = {value_name(name, trial.setting.get(name)) for trial in group}
            if values != {value_name(name, setting.get(name)) for setting in settings}:
                texts = dict.fromkeys(trial_name(trial.setting, [name]) for trial in group)
                parts.append(" or ".join(filter(None, texts)))
        labels.append(", ".join(filter(None, parts)))
    if len(set(labels)) == len(labels) and all(labels):
        return labels
    # Combinations of values: the best trial of the group stands for it.
    return [group[0].name or value_name("decay", group[0].config.decay) for group in groups]


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
            series_legend_entries([line.label for line in lines], "schedule")
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
    # No rate is an outlier: all of them are settings that the user chose.
    set_value_axis(ax, values if log else [0.0, *values], peaks, log=log, lower=None)
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
