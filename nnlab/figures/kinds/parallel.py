"""`nnlab plot parallel`: trials as lines over parallel axes, one axis per setting."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.axis_fields import axis_value
from nnlab.figures.draw.axis_scales import format_power_of_ten, rotate_tick_labels
from nnlab.figures.draw.display_names import metric_name, setting_name
from nnlab.figures.draw.labels import (
    letters_that_fit,
    short_labels,
    text_inches,
    wrap_axis_label,
    wrap_to_width,
)
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import common_loss, omission_notes, rank_for_figure
from nnlab.io.text import format_count

_PANEL_HEIGHT = 2.6
_COLORMAP = "cividis"
_MAX_CATEGORY_LABELS = 8  # per axis
_LOG_FROM_DECADES = 1.0
_MIN_LABEL_GAP = 0.08  # between tick labels, as a fraction of the height
# The position (0 to 1) of each trial on an axis, and its tick labels with their positions.
_AxisPositions = tuple[list[float | None], list[tuple[float, str]]]


@dataclass(frozen=True, slots=True)
class ParallelAxis:
    """A setting: its name, and the value of each trial; None if a trial has no value."""

    name: str
    values: tuple[float | str | None, ...]


def prepare_parallel(
    db: store.Database, words: Sequence[str], *, by: str | None = None, top: int | None = None
) -> PreparedFigure:
    """The figure of all trials, or of the `top` best, by their objective or another metric.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: no epoch is finished, or no settings differ.
    """
    ranking = rank_for_figure(db, words, by=by, top=top)
    if not ranking.fields:
        raise UsageError(
            "no settings differ between trials", hint="nnlab plot curves draws one trial"
        )
    fields = ranking.fields
    metric = ranking.objective.metric

    def draw() -> Figure:
        axes = [
            ParallelAxis(
                setting_name(name),
                tuple(
                    None if row.setting.get(name) is None else axis_value(row, name)
                    for row in ranking.rows
                ),
            )
            for name in fields
        ]
        outcome = [row.value.mean for row in ranking.rows]
        lower = ranking.objective.direction == "min"
        return draw_parallel(axes, outcome, metric_name(metric, common_loss(ranking)), lower=lower)

    table = figure_table(
        (*fields, metric, "n"),
        [
            (*(row.setting.get(name) for name in fields), row.value.mean, row.value.n)
            for row in ranking.rows
        ],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    summary = (
        f"{format_count(len(ranking.rows), 'trial')} over {format_count(len(fields), 'choice')}"
    )
    notes = (*ranking.left_out, *omission_notes(db, ranking))
    return PreparedFigure(draw, table, runs, summary, notes)


def draw_parallel(
    axes: Sequence[ParallelAxis], outcome: Sequence[float], name: str, *, lower: bool
) -> Figure:
    """A figure with a line per trial, coloured by its result; the best is thick and on top.

    Args:
        axes: one per setting, with trials in the same order as `outcome`.
        outcome: the result of each trial; non-finite ones are grey and end at the worst value.
        name: the label of the result.
        lower: whether lower results are better.
    """
    with style_context():
        figure = new_figure(_PANEL_HEIGHT)
        ax = figure.subplots()
        positions = [_axis_positions(axis.values) for axis in axes]
        finite = [value for value in outcome if math.isfinite(value)]
        low, high = min(finite, default=0.0), max(finite, default=1.0)
        worst = high if lower else low
        outcome_positions = _axis_positions(
            [value if math.isfinite(value) else worst for value in outcome]
        )
        _draw_lines(ax, positions, outcome_positions, outcome, lower=lower)
        _label_axes(ax, [axis.name for axis in axes] + [name])
        for index, (_, labels) in enumerate([*positions, outcome_positions]):
            _draw_tick_labels(ax, index, labels, len(axes) + 1)
        colormap = colormaps[f"{_COLORMAP}_r" if lower else _COLORMAP]
        bar = figure.colorbar(
            ScalarMappable(Normalize(low, high if high > low else low + 1.0), colormap),
            ax=ax,
            pad=0.03,
            aspect=30,
        )
        bar.outline.set_visible(False)
        bar.solids.set_rasterized(False)  # type: ignore[union-attr]
        bar.set_label(wrap_axis_label(name))
        freeze_layout(figure)
        return figure


def _axis_positions(values: Sequence[float | str | None]) -> _AxisPositions:
    """Positions and tick labels: linear, logarithmic from one decade on, or evenly spaced."""
    numbers = [v for v in values if isinstance(v, int | float) and math.isfinite(v)]
    if len(numbers) < sum(v is not None for v in values) or not numbers:
        words = sorted({str(v) for v in values if v is not None})
        step = 1 / max(len(words) - 1, 1)
        positions = {w: (i * step if len(words) > 1 else 0.5) for i, w in enumerate(words)}
        labels = list(zip(positions.values(), short_labels(words, 12), strict=True))
        stride = max(1, -(-len(labels) // _MAX_CATEGORY_LABELS))
        return [None if v is None else positions[str(v)] for v in values], labels[::stride]
    low, high = min(numbers), max(numbers)
    log = low > 0 and math.log10(high / low) >= _LOG_FROM_DECADES

    def place(value: float) -> float:
        if high == low:
            return 0.5
        if log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    ticks = sorted(set(numbers))
    if len(ticks) > 5:
        ticks = [low + (high - low) * i / 4 for i in range(5)]
        if log:
            ticks = [low * (high / low) ** (i / 4) for i in range(5)]
    labels = [(place(value), _tick_text(value)) for value in ticks]
    return [
        place(float(v)) if isinstance(v, int | float) and math.isfinite(v) else None for v in values
    ], labels


def _tick_text(value: float) -> str:
    text = f"{value:.3g}"
    return format_power_of_ten(float(text)) if "e" in text and value > 0 else text


def _draw_lines(
    ax: Axes,
    positions: Sequence[_AxisPositions],
    outcome_positions: _AxisPositions,
    outcome: Sequence[float],
    *,
    lower: bool,
) -> None:
    finite = [value for value in outcome if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    colormap = colormaps[f"{_COLORMAP}_r" if lower else _COLORMAP]
    worst_to_best = sorted(
        range(len(outcome)),
        key=lambda i: (
            (math.isfinite(outcome[i]), -outcome[i] if lower else outcome[i])
            if math.isfinite(outcome[i])
            else (False, 0.0)
        ),
    )
    for order, trial in enumerate(worst_to_best):
        is_finite = math.isfinite(outcome[trial])
        share = (outcome[trial] - low) / (high - low) if is_finite and high > low else 0.5
        heights = [scale[trial] for scale, _ in positions] + [outcome_positions[0][trial]]
        is_best = order == len(worst_to_best) - 1 and is_finite
        ax.plot(
            range(len(heights)),
            [math.nan if height is None else height for height in heights],
            color=colormap(share) if is_finite else current_paper().look.grey,
            linewidth=points(2.2 if is_best else 0.8),
            linestyle="-" if is_finite else ":",
            alpha=1.0 if is_best else 0.75,
            zorder=3 + order / (len(worst_to_best) + 1),
            marker="o" if len(heights) == 1 else None,
        )


def _label_axes(ax: Axes, names: Sequence[str]) -> None:
    letters = letters_that_fit(0.8 * current_paper().width / len(names))
    ax.set_xlim(-0.25, len(names) - 0.65)
    ax.set_ylim(-0.04, 1.04)
    ax.set_yticks([])
    labels = [wrap_axis_label(name) if len(name) > letters else name for name in names]
    ax.set_xticks(range(len(names)), labels)
    if any(max(map(len, label.split("\n"))) > letters for label in labels):
        ax.set_xticks(range(len(names)), short_labels(names, 22))
        rotate_tick_labels(ax, 25)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0)
    for index in range(len(names)):
        ax.axvline(index, color=current_paper().look.ink, linewidth=points(0.6), zorder=1)


def _is_number(text: str) -> bool:
    return text[:1].isdigit() or text[:1] in "-−"  # noqa: RUF001  a minus sign


def _draw_tick_labels(
    ax: Axes, index: int, labels: Sequence[tuple[float, str]], count: int
) -> None:
    """Writes the tick labels of one of `count` axes to the left of it."""
    available_width = 0.45 * current_paper().width / count
    last_height = -1.0
    for height, text in sorted(labels):
        # Words may be shortened; a shortened number would be wrong, so it is left out.
        label = text if _is_number(text) else wrap_to_width(text, available_width, points(5.5), 1)
        if (
            height - last_height < _MIN_LABEL_GAP
            or text_inches(label, points(5.5)) > available_width
        ):
            continue
        last_height = height
        ax.text(
            index - 0.03,
            height,
            label,
            ha="right",
            va="center",
            fontsize=points(5.5),
            zorder=6,
            bbox={
                "facecolor": current_paper().look.background,
                "edgecolor": "none",
                "alpha": 0.75,
                "pad": 0.5,
            },
        )
