"""`nnlab plot parallel`: every choice and what came of it, a line a trial. // Trials as lines over parallel axes: one for each choice, the last for what came of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from nnlab import store
from nnlab.analysis.ranking import format_count
from nnlab.errors import UsageError
from nnlab.figures.axis_fields import axis_value
from nnlab.figures.draw.axis_scales import format_power_of_ten, rotate_tick_labels
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
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import common_loss, omission_notes, rank_for_figure

_PANEL_HEIGHT = 2.6
_COLORMAP = "cividis"
_MAX_CATEGORY_LABELS = 8  # of a category that are written beside its axis
_LOG_FROM_DECADES = 1.0
_MIN_LABEL_GAP = 0.08  # of the height, between numbers beside an axis
# Where each trial stands on an axis from 0 to 1, and what is written beside it.
_AxisPositions = tuple[list[float | None], list[tuple[float, str]]]


@dataclass(frozen=True, slots=True)
class ParallelAxis:
    """A choice: its name, and the value of each trial; None where a trial has none."""

    name: str
    values: tuple[float | str | None, ...]


def prepare_parallel(
    db: store.Database, words: Sequence[str], *, by: str | None = None, top: int | None = None
) -> PreparedFigure:
    """All trials, or the `top` best, by their objective or another metric.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: nothing was trained there, or nothing differs.
    """
    ranking = rank_for_figure(db, words, by=by, top=top)
    if not ranking.fields:
        raise UsageError("one trial has no choices that differ", hint="nnlab plot curves draws it")
    fields = ranking.fields
    metric = ranking.objective.metric

    def draw() -> Figure:
        from nnlab.figures.draw.display_names import metric_name, setting_name

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

    table = numbers(
        (*fields, metric, "n"),
        [
            (*(row.setting.get(name) for name in fields), row.value.mean, row.value.n)
            for row in ranking.rows
        ],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    told = f"{format_count(len(ranking.rows), 'trial')} over {format_count(len(fields), 'choice')}"
    notes = (*ranking.left_out, *omission_notes(db, ranking))
    return PreparedFigure(draw, table, runs, told, notes)


def draw_parallel(
    axes: Sequence[ParallelAxis], outcome: Sequence[float], name: str, *, lower: bool
) -> Figure:
    """Draws a line a trial, best on top and thickest, coloured by its outcome.

    Args:
        axes: one a choice, in the order of trials that `outcome` has.
        outcome: of each trial; one that is not finite is drawn grey and ends at the worst.
        name: of the outcome.
        lower: whether lower outcomes are better.
    """
    with style_context():
        figure = new_figure(_PANEL_HEIGHT)
        ax = figure.subplots()
        scales = [_axis_positions(axis.values) for axis in axes]
        finite = [value for value in outcome if math.isfinite(value)]
        low, high = min(finite, default=0.0), max(finite, default=1.0)
        worst = high if lower else low
        last = _axis_positions([value if math.isfinite(value) else worst for value in outcome])
        _draw_lines(ax, scales, last, outcome, lower=lower)
        _label_axes(ax, [axis.name for axis in axes] + [name])
        for place, (_, shown) in enumerate([*scales, last]):
            _draw_tick_labels(ax, place, shown, len(axes) + 1)
        ramp = colormaps[f"{_COLORMAP}_r" if lower else _COLORMAP]
        bar = figure.colorbar(
            ScalarMappable(Normalize(low, high if high > low else low + 1.0), ramp),
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
    """Numbers by their size, or its logarithm over a decade; words side by side."""
    numbers = [v for v in values if isinstance(v, int | float) and math.isfinite(v)]
    if len(numbers) < sum(v is not None for v in values) or not numbers:
        words = sorted({str(v) for v in values if v is not None})
        step = 1 / max(len(words) - 1, 1)
        at = {w: (i * step if len(words) > 1 else 0.5) for i, w in enumerate(words)}
        shown = list(zip(at.values(), short_labels(words, 12), strict=True))
        thin = max(1, -(-len(shown) // _MAX_CATEGORY_LABELS))
        return [None if v is None else at[str(v)] for v in values], shown[::thin]
    low, high = min(numbers), max(numbers)
    log = low > 0 and math.log10(high / low) >= _LOG_FROM_DECADES

    def place(value: float) -> float:
        if high == low:
            return 0.5
        if log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    told = sorted(set(numbers))
    if len(told) > 5:
        told = [low + (high - low) * i / 4 for i in range(5)]
        if log:
            told = [low * (high / low) ** (i / 4) for i in range(5)]
    shown = [(place(value), _tick_text(value)) for value in told]
    return [
        place(float(v)) if isinstance(v, int | float) and math.isfinite(v) else None for v in values
    ], shown


def _tick_text(value: float) -> str:
    text = f"{value:.3g}"
    return format_power_of_ten(float(text)) if "e" in text and value > 0 else text


def _draw_lines(
    ax: Axes,
    scales: Sequence[_AxisPositions],
    last: _AxisPositions,
    outcome: Sequence[float],
    *,
    lower: bool,
) -> None:
    finite = [value for value in outcome if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    ramp = colormaps[f"{_COLORMAP}_r" if lower else _COLORMAP]
    better = sorted(
        range(len(outcome)),
        key=lambda i: (
            (math.isfinite(outcome[i]), -outcome[i] if lower else outcome[i])
            if math.isfinite(outcome[i])
            else (False, 0.0)
        ),
    )
    for order, trial in enumerate(better):
        known = math.isfinite(outcome[trial])
        share = (outcome[trial] - low) / (high - low) if known and high > low else 0.5
        heights = [scale[trial] for scale, _ in scales] + [last[0][trial]]
        best = order == len(better) - 1 and known
        ax.plot(
            range(len(heights)),
            [math.nan if height is None else height for height in heights],
            color=ramp(share) if known else current_paper().look.grey,
            linewidth=points(2.2 if best else 0.8),
            linestyle="-" if known else ":",
            alpha=1.0 if best else 0.75,
            zorder=3 + order / (len(better) + 1),
            marker="o" if len(heights) == 1 else None,
        )


def _label_axes(ax: Axes, names: Sequence[str]) -> None:
    room = letters_that_fit(0.8 * current_paper().width / len(names))
    ax.set_xlim(-0.25, len(names) - 0.65)
    ax.set_ylim(-0.04, 1.04)
    ax.set_yticks([])
    told = [wrap_axis_label(name) if len(name) > room else name for name in names]
    ax.set_xticks(range(len(names)), told)
    if any(max(map(len, name.split("\n"))) > room for name in told):
        ax.set_xticks(range(len(names)), short_labels(names, 22))
        rotate_tick_labels(ax, 25)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0)
    for place in range(len(names)):
        ax.axvline(place, color=current_paper().look.ink, linewidth=points(0.6), zorder=1)


def _is_number(text: str) -> bool:
    return text[:1].isdigit() or text[:1] in "-−"  # noqa: RUF001  a minus sign


def _draw_tick_labels(ax: Axes, place: int, shown: Sequence[tuple[float, str]], of: int) -> None:
    """What the heights of an axis mean, left of it where the lines do not hide it."""
    room = 0.45 * current_paper().width / of
    taken = -1.0
    for height, text in sorted(shown):
        # A word is cut, a number either stands whole or not at all.
        told = text if _is_number(text) else wrap_to_width(text, room, points(5.5), 1)
        if height - taken < _MIN_LABEL_GAP or text_inches(told, points(5.5)) > room:
            continue
        taken = height
        ax.text(
            place - 0.03,
            height,
            told,
            ha="right",
            va="center",
            fontsize=points(5.5),
            zorder=6,
            bbox={
                "facecolor": current_paper().look.ground,
                "edgecolor": "none",
                "alpha": 0.75,
                "pad": 0.5,
            },
        )
