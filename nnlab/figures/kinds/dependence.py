"""`nnlab plot dependence`: a metric against each setting, averaged over the other settings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnlab import store
from nnlab.analysis.dependence import compute_dependence
from nnlab.analysis.scope import resolve_scope
from nnlab.figures.draw.axis_range import robust_axis_range
from nnlab.figures.draw.axis_scales import apply_axis_range, rotate_tick_labels, set_setting_axis
from nnlab.figures.draw.display_names import metric_name, setting_name, value_name
from nnlab.figures.draw.labels import (
    letters_that_fit,
    short_labels,
    text_inches,
    wrap_axis_label,
)
from nnlab.figures.draw.layout import (
    available_text_width,
    figure_with_legend,
    freeze_layout,
    panel_grid,
)
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.reader_options import in_chosen_order
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import common_loss, is_loss_metric, omission_notes
from nnlab.io.text import format_count
from nnlab.objective import Limits, limits_of
from nnlab.records import Scalar
from nnlab.settings.setting_differences import format_value
from nnlab.stats.partial_dependence import Dependence, DependenceMethod, DependencePoint

_BAND_ALPHA = 0.2
_RUG_SIZE = 4.0  # points
_MAX_PANELS = 6


@dataclass(frozen=True, slots=True)
class DependencePanel:
    """A setting: its label, its values in order, and the mean with its bounds at each of them.

    Values are numbers, or texts for categories. Bounds are NaN if unknown. `tested` are the values
    of the trials, if they are numbers.
    """

    label: str
    values: tuple[float | str, ...]
    means: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    tested: tuple[float, ...] = ()

    @property
    def is_interpolated(self) -> bool:
        """Whether the values are others than the tested ones."""
        return bool(self.tested) and set(self.tested) != set(self.values)


def prepare_dependence(
    db: store.Database,
    words: Sequence[str],
    *,
    x: Sequence[str] | None = None,
    by: str | None = None,
    top: int = _MAX_PANELS,
) -> PreparedFigure:
    """The figure of the dependence on the settings `x`, or on the `top` with the largest reach.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: the trials do not differ, or are too few.
    """
    fields = [name.lstrip("-").replace("-", "_") for name in x or ()]
    result = compute_dependence(db, resolve_scope(db, words), fields, by=by)
    shown = result.settings if fields else result.settings[:top]
    objective = result.ranking.objective
    limits = limits_of(objective.metric)
    is_forest = result.method is DependenceMethod.FOREST

    def draw() -> Figure:
        return draw_dependence(
            [_panel(setting, result.tested[setting.field], limits) for setting in shown],
            metric_name(objective.metric, common_loss(result.ranking)),
            log_y=is_loss_metric(objective.metric),
            interval="95 % bootstrap interval" if is_forest else "95 % CI over seeds",
        )

    rows = [
        (setting.field, _scalar(point.value), point.mean, *_within(point.low, point.high, limits))
        for setting in shown
        for point in setting.points
    ]
    summary = f"{format_count(len(shown), 'setting')}, {format_count(result.trials, 'trial')}"
    hidden = len(result.settings) - len(shown) if not fields else 0
    notes = (
        *result.notes,
        *([f"{format_count(hidden, 'more setting')} not drawn; --x draws one"] if hidden else []),
        *omission_notes(db, result.ranking),
    )
    table = figure_table(("setting", "value", "mean", "low", "high"), rows)
    return PreparedFigure(draw, table, result.runs, summary, notes)


def _scalar(value: Scalar) -> Scalar:
    return format_value(value) or "-" if value is None or isinstance(value, bool) else value


def _within(low: float, high: float, limits: Limits) -> tuple[float, float]:
    return max(low, limits[0]), min(high, limits[1])


def _panel(setting: Dependence, tested: Sequence[Scalar], limits: Limits) -> DependencePanel:
    numbers = [v for v in tested if isinstance(v, int | float) and not isinstance(v, bool)]
    is_numeric = len(numbers) == len(tested)
    in_order = setting.points if is_numeric else _chosen_order(setting)
    bounds = [_within(point.low, point.high, limits) for point in in_order]
    return DependencePanel(
        setting_name(setting.field),
        tuple(
            float(point.value)
            if is_numeric and isinstance(point.value, int | float)
            else value_name(setting.field, point.value) or "-"
            for point in in_order
        ),
        tuple(point.mean for point in in_order),
        tuple(low for low, _ in bounds),
        tuple(high for _, high in bounds),
        tuple(map(float, numbers)) if is_numeric else (),
    )


def _chosen_order(setting: Dependence) -> list[DependencePoint]:
    """The points of a category, in the order that the author chose."""
    return in_chosen_order(
        setting.points,
        lambda point: (value_name(setting.field, point.value), format_value(point.value)),
    )


def draw_dependence(
    panels: Sequence[DependencePanel],
    y: str,
    *,
    log_y: bool = False,
    interval: str = "95 % CI",
) -> Figure:
    """A figure with a panel per setting, all with the same value axis.

    Numbers are joined by a line with a band; short strokes at the bottom are the tested values.

    Args:
        panels: the settings.
        y: the label of the metric.
        log_y: whether the value axis may be logarithmic, as for a loss.
        interval: the name of the bounds.
    """
    with style_context():
        count = max(len(panels), 1)
        columns = panel_grid(count)[1]

        def draw(axes: Sequence[Axes]) -> None:
            for index, (ax, panel) in enumerate(zip(axes, panels, strict=False)):
                _set_value_axis(ax, panels, log=log_y)
                if panel.values and isinstance(panel.values[0], str):
                    _draw_categories(ax, panel, columns)
                else:
                    _draw_numbers(ax, panel, columns)
                ax.set_xlabel(wrap_axis_label(panel.label))
                if index % columns == 0:
                    ax.set_ylabel(wrap_axis_label(y))
                else:
                    ax.tick_params(axis="y", labelleft=False)

        figure = figure_with_legend(count, [_legend_entries(panels, interval)], draw)
        freeze_layout(figure)
        return figure


def _set_value_axis(ax: Axes, panels: Sequence[DependencePanel], *, log: bool) -> None:
    values = [
        value
        for panel in panels
        for value in (*panel.means, *panel.lows, *panel.highs)
        if math.isfinite(value)
    ]
    positive = [value for value in values if value > 0 or not log]
    if positive:
        apply_axis_range(ax, robust_axis_range(positive, positive, log=log, lower=None))


def _draw_numbers(ax: Axes, panel: DependencePanel, columns: int) -> None:
    numbers = [value for value in panel.values if not isinstance(value, str)]
    set_setting_axis(ax.xaxis, numbers)
    _thin_tick_labels(ax, columns)
    ax.plot(
        numbers,
        panel.means,
        color=color(0),
        marker="" if panel.is_interpolated else "o",
        linewidth=points(1.3),
        zorder=3,
    )
    if all(map(math.isfinite, (*panel.lows, *panel.highs))):
        ax.fill_between(
            numbers, panel.lows, panel.highs, color=color(0), alpha=_BAND_ALPHA, linewidth=0
        )
    if not panel.is_interpolated:
        return
    ax.plot(
        panel.tested,
        [0.0] * len(panel.tested),
        transform=ax.get_xaxis_transform(),
        linestyle="",
        marker="|",
        markersize=points(_RUG_SIZE),
        markeredgewidth=points(0.6),
        color=current_paper().look.ink,
        clip_on=False,
    )


def _thin_tick_labels(ax: Axes, columns: int) -> None:
    """Leaves out tick labels that a narrow panel has no space for."""
    labels = [label.get_text() for label in ax.get_xticklabels()]
    size = current_paper().size
    needed = sum(text_inches(label, size) + 0.8 * size / 72 for label in labels)
    step = math.ceil(needed / available_text_width(columns))
    if step > 1:
        ticks = ax.get_xticks()
        ax.set_xticks(ticks[::step], labels[::step])


def _draw_categories(ax: Axes, panel: DependencePanel, columns: int) -> None:
    for index, (mean, low, high) in enumerate(
        zip(panel.means, panel.lows, panel.highs, strict=True)
    ):
        if math.isfinite(low) and math.isfinite(high):
            ax.plot([index, index], [low, high], color=color(0), linewidth=points(1.1))
        ax.plot(index, mean, marker="o", markersize=points(4.0), color=color(0), zorder=3)
    labels = short_labels([str(value) for value in panel.values], 18)
    ax.set_xticks(range(len(labels)), labels)
    ax.set_xlim(-0.5, len(labels) - 0.5)
    width = 0.8 * current_paper().width / columns / max(len(labels), 1)
    if any(len(label) > letters_that_fit(width) for label in labels):
        rotate_tick_labels(ax, 30)


def _legend_entries(panels: Sequence[DependencePanel], interval: str) -> list[LegendEntry]:
    line = Line2D([], [], color=color(0), linewidth=points(1.3))
    entries = [LegendEntry(line, "mean over the other settings")]
    bounds = [bound for panel in panels for bound in (*panel.lows, *panel.highs)]
    if any(map(math.isfinite, bounds)):
        band = Patch(facecolor=color(0), alpha=_BAND_ALPHA, linewidth=0)
        entries.append(LegendEntry(band, interval))
    if any(panel.is_interpolated for panel in panels):
        rug = legend_marker(marker="|", markersize=points(_RUG_SIZE), markeredgewidth=points(0.6))
        entries.append(LegendEntry(rug, "tested values"))
    return entries
