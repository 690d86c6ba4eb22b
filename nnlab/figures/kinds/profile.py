"""`nnlab plot profile`: performance profiles of methods over data sets. // Performance profiles: the share of runs above each score, a line a method."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from nnlab import store
from nnlab.analysis.across_tasks import compare_across_tasks
from nnlab.analysis.ranking import format_count
from nnlab.analysis.scope import resolve_scope
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.series_style import curve_label, series_legend_entries, series_styles
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.stats.across_tasks import PROFILE_THRESHOLDS, MethodResult


def prepare_profile(
    db: store.Database, words: Sequence[str], *, across: str, by: str | None = None
) -> PreparedFigure:
    """The values of the field `across` as methods, over all data sets that all were trained on.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: not two values, or no data set that all were trained on.
    """
    found = compare_across_tasks(db, resolve_scope(db, words), across.replace("-", "_"), by=by)

    def draw() -> Figure:
        return draw_profile(found.methods, len(found.tasks))

    rows = [
        (method.name, at, share)
        for method in found.methods
        for at, share in zip(PROFILE_THRESHOLDS, method.profile, strict=True)
    ]
    told = f"{format_count(len(found.methods), 'method')} over {', '.join(found.tasks)}"
    left = (
        [f"not on all data sets, left out: {', '.join(found.left_out)}"] if found.left_out else []
    )
    return PreparedFigure(
        draw,
        numbers((found.field, "score", "runs above"), rows),
        found.runs,
        told,
        (*found.notes, *left),
    )


def draw_profile(methods: Sequence[MethodResult], tasks: int) -> Figure:
    """Draws profiles (Dolan and Moré 2002; Agarwal et al. 2021); higher lines are better."""
    with style_context():

        def draw(axes: Sequence[Axes]) -> None:
            ax = axes[0]
            for rank, (one, look) in enumerate(zip(methods, series_styles(methods), strict=True)):
                ax.plot(
                    PROFILE_THRESHOLDS,
                    one.profile,
                    color=look.color,
                    drawstyle="steps-post",
                    marker=look.marker or None,
                    markevery=(rank % 4, 4),
                    linewidth=points(1.3 if look.index is not None else 0.6),
                    label=curve_label(rank),
                )
            ax.set_xlim(-0.01, 1.01)
            ax.set_ylim(-0.02, 1.02)
            ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
            sets = f"{tasks} data set{'s' if tasks > 1 else ''}"
            told = f"Score t, from 0 (worst run of a data set) to 1 (best); {sets}"
            ax.set_xlabel(
                wrap_to_width(told, 0.7 * current_paper().width, current_paper().label_size, 3)
            )
            ax.set_ylabel("Runs with a score above t")

        figure = figure_with_legend(
            1, [series_legend_entries([one.name for one in methods], "method")], draw
        )
        freeze_layout(figure)
        return figure
