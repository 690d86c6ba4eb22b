"""`nnlab plot effects`: the share of the outcome's variance that each setting explains."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from nnlab import store
from nnlab.analysis.effects import compute_effects
from nnlab.analysis.scope import resolve_scope
from nnlab.figures.draw.display_names import metric_name, setting_name
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import available_text_width, figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.row_columns import (
    TextColumn,
    label_rows,
    limit_ticks,
    panel_width,
    row_lines,
    wrap_row_labels,
    write_columns,
)
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.io.text import format_count

_ROW_HEIGHT, _LINE_HEIGHT, _FRAME_HEIGHT = 0.2, 0.11, 0.68  # inches
_PAIR_HATCH = "////"
_NOTABLE_REST = 0.005
_MIN_AXIS = 0.1  # the smallest share at the end of the axis


@dataclass(frozen=True, slots=True)
class EffectBar:
    """A setting or a pair of settings: its share of the variance (0 to 1) with a 90 % interval.

    The bounds are NaN if no interval can be computed.
    """

    name: str
    share: float
    low: float
    high: float
    pair: bool


def prepare_effects(
    db: store.Database, words: Sequence[str], *, by: str | None = None, top: int = 10
) -> PreparedFigure:
    """The figure of the `top` largest shares of the variance, of settings and of pairs.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: too few trials to estimate the shares.
    """
    effects = compute_effects(db, resolve_scope(db, words), by=by)
    shares = effects.notable_shares[:top]

    def draw() -> Figure:
        return draw_effects(
            [
                EffectBar(
                    " × ".join(map(setting_name, share.fields)),  # noqa: RUF001
                    share.share,
                    share.low,
                    share.high,
                    len(share.fields) > 1,
                )
                for share in shares
            ],
            metric_name(effects.ranking.objective.metric),
            str(effects.method),
        )

    rows = [(" and ".join(share.fields), share.share, share.low, share.high) for share in shares]
    runs = tuple(run for row in effects.ranking.rows for run in row.runs)
    summary = f"{format_count(len(shares), 'effect')}, {format_count(len(runs), 'run')}"
    table = figure_table(("choice", "share", "low", "high"), rows)
    rest = 1 - math.fsum(share.share for share in shares)
    others = (
        (f"not drawn: smaller shares, {100 * rest:.1f} % together",)
        if rest >= _NOTABLE_REST
        else ()
    )
    notes = (str(effects.method), *others, *effects.notes, *effects.ranking.left_out)
    return PreparedFigure(draw, table, runs, summary, notes)


def draw_effects(bars: Sequence[EffectBar], metric: str, method: str = "") -> Figure:
    """A bar chart of shares with their 90 % intervals, largest on top; pairs are hatched.

    Args:
        bars: the shares, largest first.
        metric: the name of the metric whose variance is explained.
        method: how the shares were computed, for the legend.
    """
    with style_context():
        labels = wrap_row_labels([bar.name for bar in bars])
        row_height = _ROW_HEIGHT + _LINE_HEIGHT * (row_lines(labels) - 1)
        height = row_height * max(len(bars), 1) + _FRAME_HEIGHT

        def draw(axes: Sequence[Axes]) -> None:
            ax = axes[0]
            for row, bar in enumerate(bars):
                _draw_bar(ax, row, bar)
            bounds = [bound for bar in bars for bound in (bar.share, bar.high)]
            ax.set_xlim(0, max([_MIN_AXIS, *filter(math.isfinite, bounds)]) * 1.03)
            label_rows(ax, labels, "Setting")
            write_columns(ax, [_share_column(bars)])
            limit_ticks(ax, panel_width(labels, [_share_column(bars)]))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
            ax.set_xlabel(
                wrap_to_width(
                    f"Share of the variance of {metric[:1].lower()}{metric[1:]}",
                    0.6 * available_text_width(),
                    current_paper().label_size,
                    3,
                )
            )

        figure = figure_with_legend(1, [_legend_entries(bars, method)], draw, height=height)
        freeze_layout(figure)
        return figure


def _draw_bar(ax: Axes, row: int, bar: EffectBar) -> None:
    look = current_paper().look
    ax.barh(
        row,
        bar.share,
        height=0.62,
        color=color(5 if bar.pair else 0),
        hatch=_PAIR_HATCH if bar.pair else None,
        edgecolor=look.background,
        linewidth=0,
        zorder=2,
    )
    # The line over the bar has an edge in the colour of the page, so that it is visible on it.
    for line_color, width, layer in ((look.background, 2.6, 3.0), (look.text, 1.0, 3.1)):
        ax.plot(
            [bar.low, bar.high],
            [row, row],
            color=line_color,
            linewidth=points(width),
            solid_capstyle="butt",
            zorder=layer,
        )


def _share_column(bars: Sequence[EffectBar]) -> TextColumn:
    """The shares in percent with their intervals."""
    has_intervals = any(math.isfinite(bar.high) for bar in bars)
    texts = tuple(
        f"{100 * bar.share:.0f}"
        + (f" ({100 * bar.low:.0f} to {100 * bar.high:.0f})" if math.isfinite(bar.high) else "")
        for bar in bars
    )
    return TextColumn("% (90 % CI)" if has_intervals else "%", texts)


def _legend_entries(bars: Sequence[EffectBar], method: str) -> list[LegendEntry]:
    entries = []
    edge = current_paper().look.background
    if any(bar.pair for bar in bars):
        entries += [
            LegendEntry(Patch(facecolor=color(0), linewidth=0), "setting"),
            LegendEntry(
                Patch(facecolor=color(5), hatch=_PAIR_HATCH, edgecolor=edge, linewidth=0),
                "interaction of two",
            ),
        ]
    if method:
        entries.append(LegendEntry(Patch(visible=False), method))
    return entries
