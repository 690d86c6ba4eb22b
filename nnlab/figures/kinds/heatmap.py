"""`nnlab plot heatmap`: a metric over two settings."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.figures.axis_fields import (
    AxisValue,
    Reduction,
    choose_fields,
    mean_and_interval,
    ordered_values,
    values_by_cell,
)
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import common_loss, is_loss_metric, omission_notes, rank_for_figure
from nnlab.io.text import format_count
from nnlab.objective import format_exact

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heatmap(
    db: store.Database,
    words: Sequence[str],
    *,
    x: str | None = None,
    y: str | None = None,
    by: str | None = None,
    over: Reduction = "best",
) -> PreparedFigure:
    """Means over seeds at each pair of values, the best or the mean over all other choices.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: nothing was trained there, or no two settings differ.
    """
    ranking = rank_for_figure(db, words, by=by, along=(x, y))
    fields = choose_fields(ranking, (x, y))
    found = {
        key: mean_and_interval(values)[0]
        for key, values in values_by_cell(ranking, fields, over).items()
    }
    columns = ordered_values([key[0] for key in found])
    rows = ordered_values([key[1] for key in found])
    values = tuple(tuple(found.get((at, of)) for at in columns) for of in rows)

    def draw() -> "Figure":
        from nnlab.figures.draw.display_names import metric_name, setting_name
        from nnlab.figures.draw.heatmap import HeatmapData, matrix

        written = tuple(tuple(_cell_text(value) for value in row) for row in values)
        of = HeatmapData(
            tuple(map(_axis_label, rows)), tuple(map(_axis_label, columns)), values, written
        )
        return matrix(
            of,
            y=setting_name(fields[1]),
            x=setting_name(fields[0]),
            value=metric_name(ranking.objective.metric, common_loss(ranking)),
            lower=ranking.objective.direction == "min",
            log=is_loss_metric(ranking.objective.metric),
        )

    table = numbers(
        (fields[1], fields[0], ranking.objective.metric),
        [(of, at, found.get((at, of))) for of in rows for at in columns],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    told = (
        f"{ranking.objective.metric} over {' and '.join(fields)}, {format_count(len(runs), 'run')}"
    )
    others = [name for name in ranking.fields if name not in fields]
    how = "the best of" if over == "best" else "means over"
    notes = (f"{how} {', '.join(others)} in each cell",) if others else ()
    notes = (*ranking.left_out, *notes, *omission_notes(db, ranking))
    return PreparedFigure(draw, table, runs, told, notes)


def _axis_label(value: AxisValue) -> str:
    return value if isinstance(value, str) else format_exact(value)


def _cell_text(value: float | None) -> str:
    """What is written into a cell: nothing where no trial has these values."""
    if value is None:
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return "–" if math.isnan(value) else f"{value:.3g}"  # noqa: RUF001  a dash: no result
