"""`nnlab plot ranking`: trials with their seeds, intervals and tiers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import common_loss, omission_notes, rank_for_figure, trial_title
from nnlab.io.text import format_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def ranking(
    db: store.Database, words: Sequence[str], *, by: str | None = None, top: int = 20
) -> PreparedFigure:
    """The `top` best trials by their objective, or by another metric.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: nothing was trained there.
    """
    found = rank_for_figure(db, words, by=by, top=top)
    objective = found.objective

    def draw() -> "Figure":
        from nnlab.figures.draw.display_names import metric_name
        from nnlab.figures.draw.ranking import RankedRow
        from nnlab.figures.draw.ranking import ranking as drawn

        places = [
            RankedRow(
                trial_title(row, found),
                row.values,
                row.value.mean,
                row.value.sd,
                row.interval,
                row.tier,
            )
            for row in found.rows
        ]
        name = metric_name(objective.metric, common_loss(found))
        return drawn(places, name, lower=objective.direction == "min")

    rows = [
        (
            row.rank,
            trial_title(row, found),
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
    told = f"{format_count(len(found.rows), 'trial')}, {format_count(len(runs), 'run')}"
    left = found.total - len(found.rows)
    notes = [f"{format_count(left, 'more trial')} not drawn; --top N draws more"] if left else []
    # A study's trials without the metric are in the ranking's own notes.
    notes += omission_notes(db, found) if found.scope.runs is not None else ()
    return PreparedFigure(draw, numbers(columns, rows), runs, told, (*notes, *found.notes))
