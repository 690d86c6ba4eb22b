"""`nnlab plot sweep` and `interaction`: a metric against a setting."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.config.space import format_value
from nnlab.figures.axis_fields import (
    Reduction,
    choose_fields,
    mean_and_interval,
    ordered_values,
    values_by_cell,
)
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import common_loss, is_loss_metric, omission_notes, rank_for_figure
from nnlab.io.text import format_count
from nnlab.objective import limits_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sweep(
    db: store.Database,
    words: Sequence[str],
    *,
    x: str | None = None,
    lines: str | None = None,
    by: str | None = None,
    over: Reduction = "best",
) -> PreparedFigure:
    """The objective, or another metric, at each value of a setting; a line a value of `lines`.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: nothing was trained there, or nothing differs.
    """
    return _sweep_figure(db, words, (x, lines) if lines else (x,), by, over)


def interaction(
    db: store.Database,
    words: Sequence[str],
    *,
    x: str | None = None,
    lines: str | None = None,
    by: str | None = None,
) -> PreparedFigure:
    """Means over all other choices at each pair of values; parallel lines do not interact.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: nothing was trained there, or no two settings differ.
    """
    return _sweep_figure(db, words, (x, lines), by, "mean")


def _sweep_figure(
    db: store.Database,
    words: Sequence[str],
    asked: Sequence[str | None],
    by: str | None,
    over: Reduction,
) -> PreparedFigure:
    ranking = rank_for_figure(db, words, by=by, along=asked)
    fields = choose_fields(ranking, asked)
    found = values_by_cell(ranking, fields, over)
    metric = ranking.objective.metric
    places = ordered_values([key[0] for key in found])
    groups = ordered_values([key[1] for key in found]) if len(fields) > 1 else [""]
    rows = [
        (group, at, *mean_and_interval(found[key], over, limits_of(metric)), found[key])
        for group in groups
        for at in places
        if (key := (at, group)[: len(fields)]) in found
    ]

    def draw() -> "Figure":
        from nnlab.figures.draw.display_names import metric_name, setting_name
        from nnlab.figures.draw.sweep import SweepLine, SweepPoint
        from nnlab.figures.draw.sweep import sweep as drawn

        lines = [
            SweepLine(
                f"{fields[-1]}={format_value(group)}" if group != "" else "",
                tuple(
                    SweepPoint(at, mean, bounds, values)
                    for of, at, mean, bounds, values in rows
                    if of == group
                ),
            )
            for group in groups
        ]
        name = metric_name(metric, common_loss(ranking))
        lower = ranking.objective.direction == "min"
        return drawn(
            lines, setting_name(fields[0]), name, log_y=is_loss_metric(metric), lower=lower
        )

    table = numbers(
        (fields[1] if len(fields) > 1 else "line", fields[0], "mean", "low", "high", "n"),
        [
            (of, at, mean, *(bounds or (None, None)), len(values))
            for of, at, mean, bounds, values in rows
        ],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    told = f"{metric} over {' and '.join(fields)}, {format_count(len(runs), 'run')}"
    others = [name for name in ranking.fields if name not in fields]
    how = "the best of" if over == "best" else "means over"
    notes = (f"{how} {', '.join(others)} at each point",) if others else ()
    notes = (*ranking.left_out, *notes, *omission_notes(db, ranking))
    return PreparedFigure(draw, table, runs, told, notes)
