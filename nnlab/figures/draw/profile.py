"""Performance profiles: the share of runs above each score, a line a method."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from nnlab.figures.draw.curves import looks, named
from nnlab.figures.draw.frame import framed, settle
from nnlab.figures.draw.labels import fitted
from nnlab.figures.draw.panel import line_of
from nnlab.figures.draw.paper import paper, points
from nnlab.figures.draw.style import style
from nnlab.stats.across_tasks import PROFILE_AT, Method


def profile(methods: Sequence[Method], tasks: int) -> Figure:
    """Draws profiles (Dolan and Moré 2002; Agarwal et al. 2021); higher lines are better."""
    with style():

        def draw(axes: Sequence[Axes]) -> None:
            ax = axes[0]
            for rank, (one, look) in enumerate(zip(methods, looks(methods), strict=True)):
                ax.plot(
                    PROFILE_AT,
                    one.profile,
                    color=look.color,
                    drawstyle="steps-post",
                    marker=look.marker or None,
                    markevery=(rank % 4, 4),
                    linewidth=points(1.3 if look.index is not None else 0.6),
                    label=line_of(rank),
                )
            ax.set_xlim(-0.01, 1.01)
            ax.set_ylim(-0.02, 1.02)
            ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
            sets = f"{tasks} data set{'s' if tasks > 1 else ''}"
            told = f"Score t, from 0 (worst run of a data set) to 1 (best); {sets}"
            ax.set_xlabel(fitted(told, 0.7 * paper().width, paper().label_size, 3))
            ax.set_ylabel("Runs with a score above t")

        figure = framed(1, [named([one.name for one in methods], "method")], draw)
        settle(figure)
        return figure
