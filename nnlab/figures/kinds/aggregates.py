"""`nnlab plot aggregates`: IQM, median, mean and optimality gap of methods over data sets."""

from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from nnlab import store
from nnlab.analysis.aggregate_scores import MethodScores, Normalisation, collect_method_scores
from nnlab.analysis.scope import resolve_scope
from nnlab.errors import UsageError
from nnlab.figures.draw.display_names import metric_name, value_name
from nnlab.figures.draw.labels import letters_that_fit, short_labels, text_inches, wrap_to_width
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.paper import color, current_paper, inches, points
from nnlab.figures.draw.reader_options import in_chosen_order
from nnlab.figures.draw.style import REFERENCE_DASHES, marker, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.io.text import format_count
from nnlab.stats.aggregate_scores import (
    Estimate,
    Improvement,
    MethodAggregates,
    aggregate_scores,
    improvement_probabilities,
)

# The statistics of a method, and their titles.
_STATISTICS: Final[Mapping[str, str]] = {
    "iqm": "IQM",
    "median": "Median",
    "mean": "Mean",
    "optimality_gap": "Optimality gap",
}
_ROW_HEIGHT, _FRAME_HEIGHT = 0.2, 0.62  # inches
_PANEL_GAP = 0.2  # inches
_MAX_PAIRS = 10
# The widths of names, as fractions of the width of the figure.
_LABEL_SHARE, _PAIR_SHARE = 0.25, 0.36


def prepare_aggregates(
    db: store.Database,
    words: Sequence[str],
    *,
    across: str,
    by: str | None = None,
    normalise: str | None = None,
) -> PreparedFigure:
    """The figure of aggregate scores of methods over data sets, with 95 % bootstrap intervals.

    Args:
        db: the database.
        words: names of studies, or runs by number or name.
        across: a field; each of its values is a method.
        by: a metric; None uses the objective.
        normalise: `none` or `min-max`; None takes fractions as they are and scales other metrics.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: fewer than two methods, no data set on which all were trained, or the scores
            are not comparable without normalisation.
    """
    if normalise is not None and normalise not in set(Normalisation):
        raise UsageError(f"--normalise {normalise}: use none or min-max")
    scores = collect_method_scores(
        db,
        resolve_scope(db, words),
        across.lstrip("-").replace("-", "_"),
        by=by,
        normalisation=None if normalise is None else Normalisation(normalise),
    )
    methods = in_chosen_order(
        aggregate_scores(scores.scores), lambda method: [method.name, _name_of(scores, method.name)]
    )
    improvements = improvement_probabilities({m.name: scores.scores[m.name] for m in methods})
    shown = _shown_pairs(methods, improvements)
    names = {method.name: _name_of(scores, method.name) for method in methods}
    rows: list[tuple[str | float | None, ...]] = [
        (statistic, method.name, None, estimate.value, estimate.low, estimate.high)
        for statistic in _STATISTICS
        for method in methods
        for estimate in [getattr(method, statistic)]
    ]
    rows += [
        ("probability of improvement", pair.first, pair.second, p.value, p.low, p.high)
        for pair in improvements
        for p in [pair.probability]
    ]
    runs = format_count(len(scores.runs), "run")
    return PreparedFigure(
        lambda: draw_aggregates(methods, shown, names, score_label=_score_label(scores)),
        figure_table(("statistic", "method", "over", "value", "low", "high"), rows),
        scores.runs,
        f"{format_count(len(methods), 'method')} over {', '.join(scores.tasks)}, {runs}",
        (
            *scores.notes,
            "intervals: 95 % stratified bootstrap over seeds; optimality gap: mean distance below"
            " a score of 1, lower is better",
            *(
                [f"{len(methods)} methods: only improvements by {names[methods[0].name]} are drawn"]
                if len(shown) < len(improvements) // 2
                else []
            ),
        ),
    )


def _name_of(scores: MethodScores, method: str) -> str:
    return value_name(scores.field, scores.values[method]) or method


def _score_label(scores: MethodScores) -> str:
    """The axis of the scores: the metric, whether it is scaled, data sets and runs."""
    name = metric_name(scores.objective.metric)
    if scores.normalisation is Normalisation.MIN_MAX:
        name = f"{name}, from 0 (worst run of a data set) to 1 (best)"
    per_method = {sum(map(len, by_task.values())) for by_task in scores.scores.values()}
    counts = sorted({min(per_method), max(per_method)})
    runs = f"{' to '.join(map(str, counts))} runs per method"
    return f"{name}; {format_count(len(scores.tasks), 'data set')}, {runs}"


def _shown_pairs(
    methods: Sequence[MethodAggregates], improvements: Sequence[Improvement]
) -> list[Improvement]:
    """Each pair of methods once, the better one first; with many methods only those of the best."""
    ranks = {method.name: rank for rank, method in enumerate(methods)}
    pairs = [pair for pair in improvements if ranks[pair.first] < ranks[pair.second]]
    if len(pairs) <= _MAX_PAIRS:
        return pairs
    return [pair for pair in pairs if ranks[pair.first] == 0]


def draw_aggregates(
    methods: Sequence[MethodAggregates],
    improvements: Sequence[Improvement],
    names: Mapping[str, str],
    *,
    score_label: str,
) -> Figure:
    """A figure with a panel per statistic, and below one with probabilities of improvement.

    Args:
        methods: a row each, from the top.
        improvements: a row each.
        names: the displayed name of each method.
        score_label: the label of the axis of scores.
    """
    with style_context():
        width, size = current_paper().width, current_paper().size
        longest = letters_that_fit(_LABEL_SHARE * width)
        labels = dict(zip(names, short_labels(list(names.values()), longest), strict=True))
        pair_labels = [
            wrap_to_width(f"{labels[p.first]} over {labels[p.second]}", _PAIR_SHARE * width, size)
            for p in improvements
        ]
        lines = max((label.count("\n") + 1 for label in pair_labels), default=1)
        name_width = max(text_inches(label, size) for label in labels.values())
        title_width = text_inches(_STATISTICS["optimality_gap"], current_paper().label_size)
        columns = 4 if width - name_width >= 4 * (title_width + inches(_PANEL_GAP)) else 2
        rows = len(_STATISTICS) // columns
        panel = inches(_FRAME_HEIGHT) + len(methods) * inches(_ROW_HEIGHT)
        below = inches(_FRAME_HEIGHT) + len(improvements) * inches(lines * _ROW_HEIGHT)
        label = wrap_to_width(score_label, 0.9 * width, current_paper().label_size, 3)
        label_height = (label.count("\n") + 1) * 1.3 * current_paper().label_size / 72
        top_height = rows * panel + label_height
        figure = new_figure(1.0)
        figure.set_size_inches(width, top_height + below)
        parts = figure.subfigures(2, 1, height_ratios=[top_height, below], squeeze=False)
        top, bottom = parts[:, 0]
        _draw_statistics(top, methods, labels, rows, columns)
        top.supxlabel(label, fontsize=current_paper().label_size)
        _draw_improvements(bottom.subplots(), improvements, pair_labels)
        freeze_layout(figure)
        return figure


def _draw_statistics(
    place: SubFigure,
    methods: Sequence[MethodAggregates],
    labels: Mapping[str, str],
    rows: int,
    columns: int,
) -> None:
    grid = place.subplots(rows, columns, squeeze=False)
    for index, (ax, (statistic, title)) in enumerate(
        zip(grid.flat, _STATISTICS.items(), strict=True)
    ):
        _draw_rows(ax, [getattr(method, statistic) for method in methods], colored=True)
        ax.set_title(title)
        _label_rows(ax, [labels[m.name] for m in methods] if index % columns == 0 else None)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=3, min_n_ticks=2, steps=[1, 2, 5, 10]))


def _draw_improvements(
    ax: Axes, improvements: Sequence[Improvement], labels: Sequence[str]
) -> None:
    _draw_rows(ax, [pair.probability for pair in improvements], colored=False)
    ax.axvline(
        0.5, color=current_paper().look.grey, linestyle=REFERENCE_DASHES, linewidth=points(0.7)
    )
    ax.set_xlim(-0.02, 1.02)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    ax.set_xlabel("Probability of improvement")
    _label_rows(ax, labels)


def _draw_rows(ax: Axes, estimates: Sequence[Estimate], *, colored: bool) -> None:
    """Draws a marker and an interval for each estimate, from the top."""
    for row, estimate in enumerate(estimates):
        row_color = color(row) if colored else current_paper().look.ink
        ax.hlines(row, estimate.low, estimate.high, color=row_color, linewidth=points(2.2))
        ax.plot(
            estimate.value,
            row,
            color=row_color,
            marker=marker(row) if colored else "o",
            markersize=points(4.5),
            markeredgecolor=current_paper().look.background,
            markeredgewidth=points(0.6),
        )
    ax.set_ylim(len(estimates) - 0.5, -0.5)


def _label_rows(ax: Axes, labels: Sequence[str] | None) -> None:
    """Names the rows; None for a panel beside one with the same rows."""
    rows = round(abs(ax.get_ylim()[1] - ax.get_ylim()[0]))
    ax.set_yticks(range(rows), labels if labels is not None else [""] * rows)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
