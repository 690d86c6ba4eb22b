"""`nnlab plot heatmap`: a metric over two settings, as coloured cells with their numbers.

Other kinds use the drawing function for their own grids of numbers.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from nnlab import store
from nnlab.analysis.comparable import DATA_FIELDS
from nnlab.analysis.records import Ranking
from nnlab.figures.axis_fields import (
    AxisValue,
    choose_fields,
    ordered_values,
    point_coordinates,
    value_label,
)
from nnlab.figures.draw.axis_scales import format_power_of_ten
from nnlab.figures.draw.display_names import metric_name, setting_name, setting_phrase
from nnlab.figures.draw.heatmap_cells import HeatmapData, draw_heatmap
from nnlab.figures.draw.reader_options import current_reader_options
from nnlab.figures.point_results import (
    PointResults,
    Reduction,
    diverged_runs,
    reduction_note,
    results_by_point,
)
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import common_loss, is_loss_metric, omission_notes, rank_for_figure
from nnlab.figures.value_bins import ValueBins, bins_of
from nnlab.io.text import format_count
from nnlab.objective import Limits, limits_of
from nnlab.records import Scalar
from nnlab.stats.number_columns import WrittenNumber, written_column
from nnlab.stats.uncertainty import uncertainty_name

__all__ = ["HeatmapData", "draw_heatmap", "prepare_heatmap"]

_OTHER_MAGNITUDE = 100.0  # times the median: such a cell is written by itself
_TIE = 1e-12  # means of equal results may differ by rounding errors
_Cells = Mapping[tuple[AxisValue, ...], PointResults]


@dataclass(frozen=True, slots=True)
class _CellAxis:
    """The values of a field along an axis; with `bins`, the lower edges of ranges."""

    field: str
    values: tuple[AxisValue, ...]
    bins: ValueBins | None

    def label(self, value: AxisValue) -> str:
        """The name of a value or range."""
        if self.bins is not None and not isinstance(value, str):
            return self.bins.label(value)
        return value_label(self.field, value)

    def table_value(self, value: AxisValue) -> AxisValue:
        """The value in the table of the numbers; the name of a range."""
        return value if self.bins is None else self.label(value)


def prepare_heatmap(
    db: store.Database,
    words: Sequence[str],
    *,
    x: str | None = None,
    y: str | None = None,
    by: str | None = None,
    over: Reduction = "best",
    spread: bool = False,
) -> PreparedFigure:
    """The figure of means over seeds at each pair of values of two settings.

    `over` says how trials that share a cell are reduced: `best` or `mean`. `spread` writes the
    uncertainty of each mean below it.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: no epoch is finished, or no two settings differ.
    """
    ranking = rank_for_figure(db, words, by=by, along=(x, y))
    fields = choose_fields(ranking, (x, y))
    coordinates, axes = _cell_axes(ranking, fields)
    results = results_by_point(ranking, coordinates, over, diverged_runs(db, ranking))
    cells = results.points
    columns, rows = axes[0].values, axes[1].values
    metric = ranking.objective.metric
    lower = ranking.objective.direction == "min"

    def draw() -> Figure:
        name = metric_name(metric, common_loss(ranking))
        texts = _cell_texts(cells, ranking, spread=spread)
        uncertainty = uncertainty_name(current_reader_options().uncertainty)
        return draw_heatmap(
            _heatmap_data(axes, cells, texts, lower=lower),
            y=setting_name(fields[1]),
            x=setting_name(fields[0]),
            value=f"{name}\nmean ± {uncertainty}" if spread else name,
            lower=lower,
            log=is_loss_metric(metric),
        )

    table = figure_table(
        (fields[1], fields[0], metric, "low", "high", "n", "diverged"),
        [
            (
                *(axes[1].table_value(row), axes[0].table_value(column)),
                *_table_row(cells.get((column, row)), limits_of(metric)),
            )
            for row in rows
            for column in columns
        ],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    summary = f"{metric} over {' and '.join(fields)}, {format_count(len(runs), 'run')}"
    binned = [axis.field for axis in axes if axis.bins is not None]
    others = [name for name in ranking.fields if name not in fields or name in binned]
    notes = (reduction_note(others, over, "in each cell"),) if others else ()
    notes = (*ranking.left_out, *notes, *results.notes, *omission_notes(db, ranking))
    return PreparedFigure(draw, table, runs, summary, notes)


def _table_row(results: PointResults | None, limits: Limits) -> tuple[Scalar, ...]:
    """Mean, bounds, number of values and number of diverged runs of a cell."""
    if results is None:
        return None, None, None, 0, 0
    low, high = results.interval(limits) or (None, None)
    return results.mean, low, high, len(results.values), results.diverged


def _cell_axes(
    ranking: Ranking, fields: Sequence[str]
) -> tuple[list[tuple[AxisValue, ...]], list[_CellAxis]]:
    """The cell of each row, and the values along both axes; many numbers are put into ranges."""
    by_field = list(zip(*point_coordinates(ranking.rows, fields), strict=True))
    axes, placed = [], []
    for field, values in zip(fields, by_field, strict=True):
        bins = bins_of(values)
        places = values if bins is None else tuple(map(bins.lower_edge, values))
        placed.append(places)
        axes.append(_CellAxis(field, tuple(ordered_values(places, field)), bins))
    return list(zip(*placed, strict=True)), axes


def _heatmap_data(
    axes: Sequence[_CellAxis],
    cells: _Cells,
    texts: Mapping[tuple[AxisValue, ...], str],
    *,
    lower: bool,
) -> HeatmapData:
    columns, rows = axes[0].values, axes[1].values
    grid = [[cells.get((column, row)) for column in columns] for row in rows]
    complete = {
        (i, j): results.mean
        for i, line in enumerate(grid)
        for j, results in enumerate(line)
        if results is not None and results.mean is not None and not results.diverged
    }
    # Values on different validation data are not compared: the best of each data set is framed.
    over_data = [axis for axis in axes if axis.field in DATA_FIELDS]
    best = best_cells(
        complete,
        lower=lower,
        of_row=axes[1] in over_data,
        of_column=axes[0] in over_data,
    )
    fields = [setting_phrase(axis.field) for axis in over_data]
    return HeatmapData(
        tuple(axes[1].label(row) for row in rows),
        tuple(axes[0].label(column) for column in columns),
        tuple(tuple(results.mean if results else None for results in line) for line in grid),
        tuple(tuple(texts.get((column, row), "") for column in columns) for row in rows),
        best,
        tuple(tuple(results.diverged_text if results else "" for results in row) for row in grid),
        f"best of each {' and '.join(fields)}" if fields else "best",
    )


def best_cells(
    means: Mapping[tuple[int, int], float], *, lower: bool, of_row: bool, of_column: bool
) -> tuple[tuple[int, int], ...]:
    """The cells with the best mean, and all that equal it: of each row, of each column, or all."""

    def group(cell: tuple[int, int]) -> tuple[int, int]:
        return cell[0] if of_row else 0, cell[1] if of_column else 0

    best: dict[tuple[int, int], float] = {}
    for cell, mean in means.items():
        best[group(cell)] = (min if lower else max)(mean, best.get(group(cell), mean))
    return tuple(
        cell
        for cell, mean in means.items()
        if abs(mean - best[group(cell)]) <= _TIE * abs(best[group(cell)])
    )


def _cell_texts(
    cells: _Cells, ranking: Ranking, *, spread: bool
) -> Mapping[tuple[AxisValue, ...], str]:
    """The mean of each cell, and with `spread` its uncertainty on a second line."""
    metric = ranking.objective.metric
    means = {key: results.mean for key, results in cells.items() if results.mean is not None}
    typical = statistics.median_low(map(abs, means.values())) if means else 0.0
    usual = [key for key, mean in means.items() if abs(mean) <= _OTHER_MAGNITUDE * typical]
    # The decimals of an outlier, and of its uncertainty, are no measure for the other cells.
    columns = [usual, *([key] for key in means if key not in usual)]
    return {
        key: cell_text(number)
        for keys in columns
        for key, number in zip(
            keys,
            written_column(
                [means[key] for key in keys],
                [cells[key].half_width(limits_of(metric)) for key in keys] if spread else (),
                metric=metric,
                resolution=ranking.resolutions.get(metric),
            ),
            strict=True,
        )
    }


def cell_text(number: WrittenNumber) -> str:
    r"""A mean, and its uncertainty on a second line.

    >>> cell_text(WrittenNumber("0.95", "0.02")), cell_text(WrittenNumber("1.4", None, 5))
    ('0.95\n± 0.02', '1.4·10⁵')
    """
    power = f"·{format_power_of_ten(10.0**number.power)}" if number.power else ""
    value = f"{number.value}{power}"
    return value if number.spread is None else f"{value}\n± {number.spread}{power}"
