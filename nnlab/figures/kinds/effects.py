"""`nnlab plot effects`: which choices of a study matter. // Which choices matter: the share of the outcome's variance that each explains."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from nnlab import store
from nnlab.analysis.effects import compute_effects
from nnlab.analysis.ranking import format_count
from nnlab.analysis.scope import resolve_scope
from nnlab.figures.draw.labels import letters_that_fit, short_labels, wrap_to_width
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, numbers

_ROW_HEIGHT, _FRAME_HEIGHT = 0.22, 0.6  # inches


@dataclass(frozen=True, slots=True)
class EffectBar:
    """A choice or a pair of them: its share of the variance from 0 to 1, with 90 % bounds.

    The bounds are NaN where they are not known.
    """

    name: str
    share: float
    low: float
    high: float
    pair: bool


def prepare_effects(
    db: store.Database, words: Sequence[str], *, by: str | None = None, top: int = 10
) -> PreparedFigure:
    """The `top` largest shares of the outcome's variance, of choices and of pairs.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: too few trials to tell.
    """
    found = compute_effects(db, resolve_scope(db, words), by=by)
    told = found.worth[:top]

    def draw() -> Figure:
        from nnlab.figures.draw.display_names import metric_name, setting_name

        return draw_effects(
            [
                EffectBar(
                    " × ".join(map(setting_name, one.fields)),  # noqa: RUF001
                    one.share,
                    one.low,
                    one.high,
                    len(one.fields) > 1,
                )
                for one in told
            ],
            metric_name(found.ranking.objective.metric).lower(),
        )

    rows = [(" and ".join(one.fields), one.share, one.low, one.high) for one in told]
    runs = tuple(run for row in found.ranking.rows for run in row.runs)
    words_told = f"{format_count(len(told), 'effect')}, {format_count(len(runs), 'run')}"
    table = numbers(("choice", "share", "low", "high"), rows)
    notes = (str(found.method), *found.notes, *found.ranking.left_out)
    return PreparedFigure(draw, table, runs, words_told, notes)


def draw_effects(of: Sequence[EffectBar], metric: str) -> Figure:
    """Draws bars with their intervals, largest on top; pairs are hatched."""
    with style_context():
        figure = new_figure(_ROW_HEIGHT * max(len(of), 1) + _FRAME_HEIGHT)
        ax = figure.subplots()
        for row, one in enumerate(of):
            ax.barh(
                row,
                one.share,
                height=0.62,
                color=color(5 if one.pair else 0),
                hatch="////" if one.pair else None,
                edgecolor=current_paper().look.ground,
                linewidth=0,
            )
            ax.plot(
                [one.low, one.high],
                [row, row],
                color=current_paper().look.text,
                linewidth=points(0.9),
            )
        names = short_labels(
            [one.name for one in of], letters_that_fit(0.4 * current_paper().width)
        )
        ax.set_yticks(range(len(of)), names)
        ax.set_ylim(len(of) - 0.5, -0.5)
        ax.set_xlim(
            0, max([0.1, *(max(one.share, _finite_or_zero(one.high)) for one in of)]) * 1.03
        )
        ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
        ax.grid(visible=False, axis="y")
        bounded = any(math.isfinite(one.high) for one in of)
        title = f"Share of the variance of {metric}" + (", 90% interval" if bounded else "")
        ax.set_xlabel(
            wrap_to_width(title, 0.5 * current_paper().width, current_paper().label_size, 3)
        )
        freeze_layout(figure)
        return figure


def _finite_or_zero(bound: float) -> float:
    return bound if math.isfinite(bound) else 0.0
