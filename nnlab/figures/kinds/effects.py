"""`nnlab plot effects`: the share of the outcome's variance that each setting explains."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from nnlab import store
from nnlab.analysis.effects import compute_effects
from nnlab.analysis.scope import resolve_scope
from nnlab.figures.draw.display_names import metric_name, setting_name
from nnlab.figures.draw.labels import letters_that_fit, short_labels, wrap_to_width
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.io.text import format_count

_ROW_HEIGHT, _FRAME_HEIGHT = 0.22, 0.6  # inches


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
            metric_name(effects.ranking.objective.metric).lower(),
        )

    rows = [(" and ".join(share.fields), share.share, share.low, share.high) for share in shares]
    runs = tuple(run for row in effects.ranking.rows for run in row.runs)
    summary = f"{format_count(len(shares), 'effect')}, {format_count(len(runs), 'run')}"
    table = figure_table(("choice", "share", "low", "high"), rows)
    notes = (str(effects.method), *effects.notes, *effects.ranking.left_out)
    return PreparedFigure(draw, table, runs, summary, notes)


def draw_effects(bars: Sequence[EffectBar], metric: str) -> Figure:
    """A bar chart of shares with their intervals, largest on top; bars of pairs are hatched."""
    with style_context():
        figure = new_figure(_ROW_HEIGHT * max(len(bars), 1) + _FRAME_HEIGHT)
        ax = figure.subplots()
        for row, bar in enumerate(bars):
            ax.barh(
                row,
                bar.share,
                height=0.62,
                color=color(5 if bar.pair else 0),
                hatch="////" if bar.pair else None,
                edgecolor=current_paper().look.background,
                linewidth=0,
            )
            ax.plot(
                [bar.low, bar.high],
                [row, row],
                color=current_paper().look.text,
                linewidth=points(0.9),
            )
        names = short_labels(
            [bar.name for bar in bars], letters_that_fit(0.4 * current_paper().width)
        )
        ax.set_yticks(range(len(bars)), names)
        ax.set_ylim(len(bars) - 0.5, -0.5)
        ax.set_xlim(
            0, max([0.1, *(max(bar.share, _finite_or_zero(bar.high)) for bar in bars)]) * 1.03
        )
        ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
        ax.grid(visible=False, axis="y")
        bounded = any(math.isfinite(bar.high) for bar in bars)
        title = f"Share of the variance of {metric}" + (", 90% interval" if bounded else "")
        ax.set_xlabel(
            wrap_to_width(title, 0.5 * current_paper().width, current_paper().label_size, 3)
        )
        freeze_layout(figure)
        return figure


def _finite_or_zero(bound: float) -> float:
    return bound if math.isfinite(bound) else 0.0
