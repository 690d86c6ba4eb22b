"""`nnlab plot ranking`: trials with their seeds, intervals and tiers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.ranking import plural
from nnlab.figures.figure import Picture, numbers
from nnlab.figures.trials import loss_of, omission_notes, ranked, title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def ranking(
    db: store.Database, words: Sequence[str], *, by: str | None = None, top: int = 20
) -> Picture:
    """The `top` best trials by their objective, or by another metric.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: nothing was trained there.
    """
    found = ranked(db, words, by=by, top=top)
    objective = found.objective

    def draw() -> "Figure":
        from nnlab.figures.draw.names import metric_name
        from nnlab.figures.draw.ranking import Place
        from nnlab.figures.draw.ranking import ranking as drawn

        places = [
            Place(
                title_of(row, found),
                row.values,
                row.value.mean,
                row.value.sd,
                row.interval,
                row.tier,
            )
            for row in found.rows
        ]
        name = metric_name(objective.metric, loss_of(found))
        return drawn(places, name, lower=objective.direction == "min")

    rows = [
        (
            row.rank,
            title_of(row, found),
            row.value.n,
            row.value.mean,
            row.value.sd,
            *(row.interval or (None, None)),
            row.tier,
        )
        for row in found.rows
    ]
    columns = ("rank", "trial", "n", "mean", "sd", "low", "high", "tier")
    runs = tuple(run for row in found.rows for run in row.runs)
    told = f"{plural(len(found.rows), 'trial')}, {plural(len(runs), 'run')}"
    left = found.total - len(found.rows)
    notes = [f"{plural(left, 'more trial')} not drawn; --top N draws more"] if left else []
    # A study's trials without the metric are in the ranking's own notes.
    notes += omission_notes(db, found) if found.scope.runs is not None else ()
    return Picture(draw, numbers(columns, rows), runs, told, (*notes, *found.notes))
