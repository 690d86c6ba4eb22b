"""`nnlab plot effects`: which choices of a study matter."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.effects import effects_of
from nnlab.analysis.ranking import plural
from nnlab.analysis.scope import scope_of
from nnlab.figures.figure import Picture, numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def effects(
    db: store.Database, words: Sequence[str], *, by: str | None = None, top: int = 10
) -> Picture:
    """The `top` largest shares of the outcome's variance, of choices and of pairs.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: too few trials to tell.
    """
    found = effects_of(db, scope_of(db, words), by=by)
    told = found.worth[:top]

    def draw() -> "Figure":
        from nnlab.figures.draw.effects import Contribution
        from nnlab.figures.draw.effects import effects as drawn
        from nnlab.figures.draw.names import metric_name, setting_name

        return drawn(
            [
                Contribution(
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
    words_told = f"{plural(len(told), 'effect')}, {plural(len(runs), 'run')}"
    table = numbers(("choice", "share", "low", "high"), rows)
    notes = (str(found.method), *found.notes, *found.ranking.left_out)
    return Picture(draw, table, runs, words_told, notes)
