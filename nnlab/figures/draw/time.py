"""A metric against what it cost: seconds, epochs or steps, and when a target was reached."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab.figures.draw.axis_range import worst_after_transient
from nnlab.figures.draw.axis_scales import set_value_axis
from nnlab.figures.draw.curves import legend_marker, series_legend_entries, series_styles
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.panel import curve_label, wrap_axis_label
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context

_MAX_POINTS = 600


@dataclass(frozen=True, slots=True)
class CostCurve:
    """A trial: the mean over its seeds at each epoch, and what it had cost until then.

    `reached` is the cost at which the target was first met, None where it never was.
    """

    label: str
    cost: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    reached: float | None


def cost_curves(
    trials: Sequence[CostCurve],
    x: str,
    y: str,
    *,
    log_y: bool,
    target: float | None = None,
    lower: bool = True,
) -> Figure:
    """Draws trials, a line each; a target is a line across, its first crossing a dot.

    `lower` says whether lower values are better: only worse ones may leave the view.
    """
    with style_context():
        keys = []
        if target is not None:
            ink = current_paper().look.ink
            across = Line2D([], [], color=ink, linewidth=points(0.8), linestyle=REFERENCE_DASHES)
            keys.append(LegendEntry(across, f"target {target:g}"))
            if any(one.reached is not None for one in trials):
                keys.append(
                    LegendEntry(legend_marker(marker="o", markersize=points(4.5)), "reached")
                )

        def draw(axes: Sequence[Axes]) -> None:
            _draw_curves(axes[0], trials, target, log_y=log_y, lower=lower)
            axes[0].set_xlabel(x)
            axes[0].set_ylabel(wrap_axis_label(y))

        entries = (
            series_legend_entries([one.label for one in trials], "trial") if len(trials) > 1 else []
        )
        figure = figure_with_legend(1, [keys, entries], draw)
        freeze_layout(figure)
        return figure


def _draw_curves(
    ax: Axes, trials: Sequence[CostCurve], target: float | None, *, log_y: bool, lower: bool
) -> None:
    finite = [v for one in trials for v in one.mean if math.isfinite(v)]
    starts = [next(filter(math.isfinite, one.mean), 0.0) for one in trials]
    settled = [
        worst
        for one in trials
        if (worst := worst_after_transient(one.mean, lower=lower)) is not None
    ]
    shown = [*finite, *([] if target is None else [target])]
    set_value_axis(ax, shown, starts, log=log_y, lower=lower, settled=settled)
    longest = max((one.cost[-1] for one in trials if one.cost), default=1.0)
    ax.set_xlim(-0.02 * longest, 1.02 * longest)
    for rank, (one, look) in enumerate(zip(trials, series_styles(trials), strict=True)):
        step = max(1, -(-len(one.cost) // _MAX_POINTS))
        every = slice(None, None, step)
        drawn = len(one.cost[every])
        apart = max(1, drawn // 6)
        is_named = look.index is not None
        ax.plot(
            one.cost[every],
            one.mean[every],
            color=look.color,
            linewidth=points(1.3 if is_named else 0.6),
            alpha=1.0 if is_named else 0.55,
            marker=look.marker or None,
            markersize=points(2.8),
            markevery=(rank % apart, apart),
            label=curve_label(rank),
            zorder=4 - rank / (len(trials) + 1) if is_named else 2.5,
        )
        if is_named:
            ax.fill_between(
                one.cost[every],
                one.low[every],
                one.high[every],
                color=look.color,
                alpha=0.15,
                linewidth=0,
                zorder=2,
            )
        if one.reached is not None and target is not None and is_named:
            ax.plot(
                [one.reached],
                [target],
                marker="o",
                markersize=points(4.5),
                color=look.color,
                zorder=6,
                clip_on=False,
            )
    if target is not None:
        ink = current_paper().look.ink
        ax.axhline(target, color=ink, linewidth=points(0.8), linestyle=REFERENCE_DASHES, zorder=1.5)
