"""`nnlab plot heatmap`: a metric over two settings, as coloured cells with their numbers.

Other kinds use the drawing function for their own grids of numbers.
"""

import math
import statistics
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from nnlab import store
from nnlab.figures.axis_fields import AxisValue, choose_fields, ordered_values, value_label
from nnlab.figures.draw.axis_scales import format_power_of_ten
from nnlab.figures.draw.display_names import metric_name, setting_name
from nnlab.figures.draw.heatmap_cells import HeatmapData, draw_heatmap
from nnlab.figures.draw.reader_options import current_reader_options
from nnlab.figures.point_results import PointResults, Reduction, results_by_point
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import common_loss, is_loss_metric, omission_notes, rank_for_figure
from nnlab.io.text import format_count
from nnlab.objective import Limits, limits_of
from nnlab.records import Scalar
from nnlab.stats.uncertainty import uncertainty_name

__all__ = ["HeatmapData", "draw_heatmap", "prepare_heatmap"]

_DIGITS, _MAX_DECIMALS, _TWO_DIGITS_BELOW = 3, 4, 2
_MAX_PLAIN_NUMBER = 1e5
_TIE = 1e-12  # means of equal results may differ by rounding errors
_Cells = Mapping[tuple[AxisValue, ...], PointResults]


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
    results = results_by_point(db, ranking, fields, over)
    cells = results.points
    columns = ordered_values([key[0] for key in cells], fields[0])
    rows = ordered_values([key[1] for key in cells], fields[1])
    metric = ranking.objective.metric
    lower = ranking.objective.direction == "min"

    def draw() -> Figure:
        name = metric_name(metric, common_loss(ranking))
        texts = _cell_texts(cells, limits_of(metric), spread=spread)
        uncertainty = uncertainty_name(current_reader_options().uncertainty)
        return draw_heatmap(
            _heatmap_data(fields, rows, columns, cells, texts, lower=lower),
            y=setting_name(fields[1]),
            x=setting_name(fields[0]),
            value=f"{name}\nmean ± {uncertainty}" if spread else name,
            lower=lower,
            log=is_loss_metric(metric),
        )

    table = figure_table(
        (fields[1], fields[0], metric, "low", "high", "n", "diverged"),
        [
            (row, column, *_table_row(cells.get((column, row)), limits_of(metric)))
            for row in rows
            for column in columns
        ],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    summary = f"{metric} over {' and '.join(fields)}, {format_count(len(runs), 'run')}"
    others = [name for name in ranking.fields if name not in fields]
    reduction = "the best of" if over == "best" else "means over"
    notes = (f"{reduction} {', '.join(others)} in each cell",) if others else ()
    notes = (*ranking.left_out, *notes, *results.notes, *omission_notes(db, ranking))
    return PreparedFigure(draw, table, runs, summary, notes)


def _table_row(results: PointResults | None, limits: Limits) -> tuple[Scalar, ...]:
    """Mean, bounds, number of values and number of diverged runs of a cell."""
    if results is None:
        return None, None, None, 0, 0
    low, high = results.interval(limits) or (None, None)
    return results.mean, low, high, len(results.values), results.diverged


def _heatmap_data(
    fields: Sequence[str],
    rows: Sequence[AxisValue],
    columns: Sequence[AxisValue],
    cells: _Cells,
    texts: Mapping[tuple[AxisValue, ...], str],
    *,
    lower: bool,
) -> HeatmapData:
    grid = [[cells.get((column, row)) for column in columns] for row in rows]
    complete = {
        (i, j): results.mean
        for i, line in enumerate(grid)
        for j, results in enumerate(line)
        if results is not None and results.mean is not None and not results.diverged
    }
    best = (min if lower else max)(complete.values(), default=math.nan)
    return HeatmapData(
        tuple(value_label(fields[1], row) for row in rows),
        tuple(value_label(fields[0], column) for column in columns),
        tuple(tuple(results.mean if results else None for results in line) for line in grid),
        tuple(tuple(texts.get((column, row), "") for column in columns) for row in rows),
        tuple(cell for cell, mean in complete.items() if abs(mean - best) <= _TIE * abs(best)),
        tuple(tuple(results.diverged_text if results else "" for results in row) for row in grid),
    )


def _cell_texts(
    cells: _Cells, limits: Limits, *, spread: bool
) -> Mapping[tuple[AxisValue, ...], str]:
    """The mean of each cell, and with `spread` half of its interval on a second line."""
    means = {key: results.mean for key, results in cells.items() if results.mean is not None}
    half_widths = {
        key: half_width
        for key in means
        if spread and (half_width := cells[key].half_width(limits)) is not None
    }
    decimals = equal_decimals(list(means.values()), list(half_widths.values()))
    return {
        key: "\n".join(
            [
                _fixed(mean, decimals),
                *([f"± {_fixed(half_widths[key], decimals)}"] if key in half_widths else ()),
            ]
        )
        for key, mean in means.items()
    }


def equal_decimals(values: Sequence[float], spreads: Sequence[float] = ()) -> int:
    """The number of decimals for all values of a grid.

    With spreads, the decimals of a typical one, with one digit (two if it starts with 1). Without
    them, three digits of a typical value, so that an outlier does not round the others away.

    >>> equal_decimals([0.9545, 0.6182, 1.0]), equal_decimals([0.9545, 0.6182], [0.04, 0.14])
    (3, 2)
    """
    positive = [spread for spread in spreads if spread > 0]
    if positive:
        typical = statistics.median_low(positive)
        exponent = math.floor(math.log10(typical))
        digits = -exponent + int(typical / 10.0**exponent < _TWO_DIGITS_BELOW)
    else:
        sizes = [abs(value) for value in values if value != 0 and math.isfinite(value)]
        digits = _DIGITS - math.ceil(math.log10(statistics.median_low(sizes))) if sizes else 0
    return max(0, min(digits, _MAX_DECIMALS))


def _fixed(value: float, decimals: int) -> str:
    """A number with these decimals; one of another magnitude as a power of ten."""
    if abs(value) >= _MAX_PLAIN_NUMBER:
        power = format_power_of_ten(float(f"{abs(value):.2g}"))
        return f"-{power}" if value < 0 else power
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if not text.strip("-0.") else text
