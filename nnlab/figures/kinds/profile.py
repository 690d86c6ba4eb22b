"""`nnlab plot profile`: performance profiles of methods over data sets."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from nnlab import store
from nnlab.analysis.across_tasks import compare_across_tasks
from nnlab.analysis.scope import resolve_scope
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.series_style import curve_label, series_legend_entries, series_styles
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.io.text import format_count
from nnlab.stats.across_tasks import PROFILE_THRESHOLDS, MethodResult


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

    def draw() -> Figure:
        return draw_profile(comparison.methods, len(comparison.tasks))

    rows = [
        (method.name, threshold, share)
        for method in comparison.methods
        for threshold, share in zip(PROFILE_THRESHOLDS, method.profile, strict=True)
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
        figure_table((comparison.field, "score", "runs above"), rows),
        comparison.runs,
        summary,
        (*comparison.notes, *left_out),
    )


def draw_profile(methods: Sequence[MethodResult], tasks: int) -> Figure:
    """A figure with the share of runs above each score, a line per method; higher is better.

    Dolan and Moré 2002; Agarwal et al. 2021.
    """
    with style_context():

        def draw(axes: Sequence[Axes]) -> None:
            ax = axes[0]
            for rank, (method, style) in enumerate(
                zip(methods, series_styles(methods), strict=True)
            ):
                ax.plot(
                    PROFILE_THRESHOLDS,
                    method.profile,
                    color=style.color,
                    drawstyle="steps-post",
                    marker=style.marker or None,
                    markevery=(rank % 4, 4),
                    linewidth=points(1.3 if style.index is not None else 0.6),
                    label=curve_label(rank),
                )
            ax.set_xlim(-0.01, 1.01)
            ax.set_ylim(-0.02, 1.02)
            ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
            task_text = f"{tasks} data set{'s' if tasks > 1 else ''}"
            x_label = f"Score t, from 0 (worst run of a data set) to 1 (best); {task_text}"
            ax.set_xlabel(
                wrap_to_width(x_label, 0.7 * current_paper().width, current_paper().label_size, 3)
            )
            ax.set_ylabel("Runs with a score above t")

        figure = figure_with_legend(
            1, [series_legend_entries([method.name for method in methods], "method")], draw
        )
        freeze_layout(figure)
        return figure
