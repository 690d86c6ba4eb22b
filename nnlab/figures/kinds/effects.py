"""`nnlab plot effects`: which choices of a study matter."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.effects import compute_effects
from nnlab.analysis.scope import resolve_scope
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.io.text import format_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def effects(
    db: store.Database, words: Sequence[str], *, by: str | None = None, top: int = 10
) -> PreparedFigure:
    """The `top` largest shares of the outcome's variance, of choices and of pairs.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: too few trials to tell.
    """
    found = compute_effects(db, resolve_scope(db, words), by=by)
    told = found.notable_shares[:top]

    def draw() -> "Figure":
        from nnlab.figures.draw.display_names import metric_name, setting_name
        from nnlab.figures.draw.effects import EffectBar
        from nnlab.figures.draw.effects import effects as drawn

        return drawn(
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
