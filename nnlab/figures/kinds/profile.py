"""`nnlab plot profile`: performance profiles of methods over data sets, with bootstrap bands."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from nnlab import store
from nnlab.analysis.across_tasks import AcrossTasksComparison, compare_across_tasks
from nnlab.analysis.scope import resolve_scope
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.panel import BAND_ALPHA
from nnlab.figures.draw.paper import current_paper, inches, points
from nnlab.figures.draw.series_style import (
    SeriesStyle,
    curve_label,
    series_legend_entries,
    series_styles,
)
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.io.text import format_count
from nnlab.records import Status
from nnlab.stats.across_tasks import MethodResult
from nnlab.stats.performance_profile import PerformanceProfile, performance_profile

_MARKER_DISTANCE = 0.2  # of the diagonal of the panel
_MAX_METHODS_WITH_BANDS = 4  # bands of more methods would overlap


def prepare_profile(
    db: store.Database, words: Sequence[str], *, across: str, by: str | None = None
) -> PreparedFigure:
    """The figure of performance profiles; each value of the field `across` is a method.

    Only data sets on which every method was trained are used.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: fewer than two methods, or no data set on which all were trained.
    """
    comparison = compare_across_tasks(db, resolve_scope(db, words), across.replace("-", "_"), by=by)
    profiles = [performance_profile(method.scores) for method in comparison.methods]
    objective = comparison.objective

    def draw() -> Figure:
        return draw_profile(
            comparison.methods,
            len(comparison.tasks),
            metric=metric_name(objective.metric),
            lower=objective.direction == "min",
        )

    rows = [
        (method.name, *step)
        for method, profile in zip(comparison.methods, profiles, strict=True)
        for step in zip(profile.scores, profile.shares, profile.low, profile.high, strict=True)
    ]
    summary = (
        f"{format_count(len(comparison.methods), 'method')} over {', '.join(comparison.tasks)}"
    )
    left_out = (
        [f"not on all data sets, left out: {', '.join(comparison.left_out)}"]
        if comparison.left_out
        else []
    )
    return PreparedFigure(
        draw,
        figure_table((comparison.field, "score", "runs with at least", "low", "high"), rows),
        comparison.runs,
        summary,
        (*comparison.notes, *left_out, *_divergence_note(db, comparison)),
    )


def _divergence_note(db: store.Database, comparison: AcrossTasksComparison) -> tuple[str, ...]:
    runs = store.runs(db, run_ids=comparison.runs)
    diverged = sum(run.status is Status.DIVERGED for run in runs)
    if not diverged:
        return ()
    return (
        f"{format_count(diverged, 'run')} diverged: the score is that of the best epoch before, or"
        " 0 without one",
    )


def draw_profile(
    methods: Sequence[MethodResult], tasks: int, *, metric: str = "metric", lower: bool = False
) -> Figure:
    """A figure with the share of runs with at least each score, an exact step function per method.

    The bands are pointwise 95 % intervals (`performance_profile`), of at most four methods.
    Dolan and Moré 2002; Agarwal et al. 2021.

    Args:
        methods: best first, with their scores.
        tasks: the number of data sets.
        metric: the name of the metric that the scores are made of.
        lower: whether lower values of the metric are better.
    """
    with style_context():
        has_bands = len(methods) <= _MAX_METHODS_WITH_BANDS

        def draw(axes: Sequence[Axes]) -> None:
            ax = axes[0]
            for rank, (method, style) in enumerate(
                zip(methods, series_styles(methods), strict=True)
            ):
                profile = performance_profile(method.scores)
                _draw_steps(ax, profile, style, rank, has_band=has_bands)
            ax.set_xlim(-0.01, 1.01)
            ax.set_ylim(-0.02, 1.02)
            ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
            width, size = 0.75 * current_paper().width, current_paper().label_size
            ax.set_xlabel(wrap_to_width(_score_label(tasks, metric, lower=lower), width, size, 4))
            label = "Share of runs with a score of at least x"
            ax.set_ylabel(wrap_to_width(label, inches(1.3), size, 2))

        entries = series_legend_entries([method.name for method in methods], "method")
        figure = figure_with_legend(1, [entries, _band_entries(methods, has_bands)], draw)
        freeze_layout(figure)
        return figure


def _score_label(tasks: int, metric: str, *, lower: bool) -> str:
    """The label of the score axis, which says what 0 and 1 are."""
    ends = ("highest", "lowest") if lower else ("lowest", "highest")
    name = metric[:1].lower() + metric[1:]
    return (
        f"Score x: {name}, 0 is the worst ({ends[0]}) and 1 the best ({ends[1]}) of a data set;"
        f" {format_count(tasks, 'data set')}"
    )


def _band_entries(methods: Sequence[MethodResult], has_bands: bool) -> list[LegendEntry]:
    """What the band is, and the number of runs behind each line."""
    runs = sorted({method.runs for method in methods})
    n = f"n = {runs[0]}" if len(runs) == 1 else f"n = {runs[0]} to {runs[-1]}"
    grey = current_paper().look.grey
    handle = Patch(facecolor=grey, alpha=0.4) if has_bands else Patch(visible=False)
    band = "pointwise 95 % bootstrap CI, " if has_bands else ""
    return [LegendEntry(handle, f"{band}{n} runs each")]


def _draw_steps(
    ax: Axes, profile: PerformanceProfile, style: SeriesStyle, rank: int, *, has_band: bool
) -> None:
    """Draws the exact steps: the share between two scores is that of the higher one."""
    scores = [0.0, *profile.scores]
    curves = [[1.0, *values] for values in (profile.shares, profile.low, profile.high)]
    if scores[-1] < 1:  # no run has a higher score
        scores += [math.nextafter(scores[-1], 1.0), 1.0]
        curves = [[*values, 0.0, 0.0] for values in curves]
    shares, low, high = curves
    ax.plot(
        scores,
        shares,
        color=style.color,
        drawstyle="steps-pre",
        marker=style.marker or None,
        markevery=(_MARKER_DISTANCE * (rank % 4) / 4, _MARKER_DISTANCE),
        linewidth=points(1.3 if style.index is not None else 0.6),
        label=curve_label(rank),
    )
    if has_band:
        ax.fill_between(
            scores, low, high, step="pre", color=style.color, alpha=BAND_ALPHA, linewidth=0
        )
