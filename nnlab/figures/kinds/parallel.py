"""`nnlab plot parallel`: every choice and what came of it, a line a trial."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.axis_fields import axis_value
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import common_loss, omission_notes, rank_for_figure
from nnlab.io.text import format_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def parallel(
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

    def draw() -> "Figure":
        from nnlab.figures.draw.display_names import metric_name, setting_name
        from nnlab.figures.draw.parallel import ParallelAxis
        from nnlab.figures.draw.parallel import parallel as drawn

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
        return drawn(axes, outcome, metric_name(metric, common_loss(ranking)), lower=lower)

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
