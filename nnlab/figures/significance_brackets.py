"""Brackets from the best trial to the others, with adjusted p values, on request (`--brackets`)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.significance import describe_test
from nnlab.errors import UsageError
from nnlab.figures.compared_trial import ComparedTrial
from nnlab.figures.draw.reader_options import current_reader_options
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.figures.provenance import FigureRequest
from nnlab.figures.trials import rank_for_figure
from nnlab.stats.comparison import PairedTest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnlab.analysis.records import RankingRow

_SMALLEST_P = 0.001
_DEFAULT_TOP = 20


def with_chosen_brackets(
    db: store.Database | None, request: FigureRequest, prepared: PreparedFigure
) -> PreparedFigure:
    """The figure with brackets if the author chose them, and a note that explains them.

    Raises:
        UsageError: no trial can be compared with the best one.
    """
    if db is None or prepared.panels or not current_reader_options().brackets:
        return prepared
    top = request.options.get("top", _DEFAULT_TOP)
    ranking = rank_for_figure(db, request.words, by=request.options.get("by"), top=top)
    compared = compared_trials(ranking.rows)
    if not compared:
        raise UsageError("--brackets: no trial has enough seeds to compare it with the best")
    higher = ranking.objective.direction == "max"

    def draw() -> "Figure":
        # matplotlib is imported only when a figure is drawn.
        from nnlab.figures.draw.brackets import draw_brackets
        from nnlab.figures.draw.layout import freeze_layout

        figure = prepared.draw()
        freeze_layout(figure)
        if not draw_brackets(figure, len(ranking.rows), compared, higher=higher):
            raise UsageError(f"--brackets has no effect on plot {request.kind}")
        return figure

    note = (
        f"brackets: p against the best trial"
        f" ({describe_test(PairedTest.T, ranking.total, ranking.rows)}); n.s.: not significant at"
        " 0.05"
    )
    return replace(prepared, draw=draw, notes=(*prepared.notes, note))


def compared_trials(rows: Sequence["RankingRow"]) -> list[ComparedTrial]:
    """The trials with enough seeds to be compared with the best one, in the order of the rows.

    Args:
        rows: the rows of a ranking; the author may have changed their order.
    """
    return [
        ComparedTrial(index, p_text(comparison.adjusted, significant=comparison.is_significant))
        for index, row in enumerate(rows)
        if (comparison := row.comparison) is not None and comparison.has_enough_seeds
    ]


def p_text(p: float, *, significant: bool) -> str:
    """An adjusted p value at a bracket.

    >>> p_text(0.0123, significant=True), p_text(1e-5, significant=True)
    ('p = 0.012', 'p < 0.001')
    >>> p_text(0.2, significant=False)
    'n.s.'
    """
    if not significant:
        return "n.s."
    return f"p < {_SMALLEST_P:g}" if p < _SMALLEST_P else f"p = {p:.3f}"
