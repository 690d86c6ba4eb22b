"""Marks on learning curves: best epochs, divergence, onsets, and curves that leave the axis."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from nnlab.figures.draw.axis_exits import axis_exits, divergence_points, is_inside
from nnlab.figures.draw.display_names import split_of
from nnlab.figures.draw.edge_labels import EdgeLabel, label_bottom, label_top
from nnlab.figures.draw.layout import figure_of
from nnlab.figures.draw.legend import legend_marker
from nnlab.figures.draw.panel_curves import PanelCurve, PanelCurves, seed_curves
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.series import (
    Series,
    lower_is_better,
    median_onset,
    median_plateau_onset,
    onset_text,
)
from nnlab.figures.draw.series_style import MAX_NAMED, SeriesStyle
from nnlab.figures.draw.style import OVERFITTING_LINE, PLATEAU_LINE

_RING_SIZE, _EDGE_WIDTH, _CROSS_SIZE = 4.8, 1.1, 4.5  # points


def has_selectable_epochs(trial: Series, metrics: Sequence[str]) -> bool:
    """Whether one of the trial's validation curves has several epochs to choose from."""
    return any(
        len(curve) > 1
        for metric in metrics
        if split_of(metric) == "val"
        for curve in seed_curves(trial, metric)
    )


def mark_best(
    ax: Axes, curve: PanelCurve, panel: PanelCurves, trial: Series, style: SeriesStyle
) -> None:
    """Draws a ring on the mean validation curve at the selected epoch, or else at the best one."""
    if style.index is None or not has_selectable_epochs(trial, [curve.metric]):
        return
    band = curve.band
    means = {epoch: v for epoch, v in zip(band.epochs, band.mean, strict=True) if math.isfinite(v)}
    if not means:
        return
    epoch = trial.selected
    lower = lower_is_better([trial], curve.metric)
    if epoch is None and lower is not None:
        epoch = (min if lower else max)(means, key=means.__getitem__)
    if epoch in means and is_inside(means[epoch], panel):
        draw_ring(ax, epoch, means[epoch], style.color)


def draw_ring(ax: Axes, x: float, y: float, color: str) -> None:
    """Draws a ring with a core in the colour of the background, so that it is visible on lines."""
    ax.plot(
        [x],
        [y],
        color=color,
        linestyle="",
        marker="o",
        markersize=points(_RING_SIZE),
        markerfacecolor=current_paper().look.background,
        markeredgewidth=points(_EDGE_WIDTH),
        clip_on=False,
        zorder=6,
    )


def mark_divergence(
    ax: Axes, curve: PanelCurve, panel: PanelCurves, trial: Series, style: SeriesStyle
) -> None:
    """Draws a cross at the last finite point of every seed that diverged, if it is in the axis."""
    for epoch, value in divergence_points(trial, curve.metric):
        if is_inside(value, panel):
            draw_cross(ax, epoch, value, style.color)


def draw_cross(ax: Axes, x: float, y: float, color: str) -> None:
    """Draws a cross at the point after which a run diverged."""
    ax.plot(
        [x],
        [y],
        color=color,
        linestyle="",
        marker="x",
        markersize=points(_CROSS_SIZE),
        markeredgewidth=points(_EDGE_WIDTH),
        clip_on=False,
        zorder=6,
    )


def ring_handle() -> Line2D:
    """The sample of a ring in a legend."""
    return legend_marker(
        marker="o",
        markerfacecolor=current_paper().look.background,
        markersize=points(_RING_SIZE),
        markeredgewidth=points(_EDGE_WIDTH),
    )


def cross_handle() -> Line2D:
    """The sample of a cross in a legend."""
    return legend_marker(
        marker="x", markersize=points(_CROSS_SIZE), markeredgewidth=points(_EDGE_WIDTH)
    )


def draw_onsets(ax: Axes, series: Sequence[Series], styles: Sequence[SeriesStyle]) -> None:
    """Draws vertical lines at the onsets, for the panel of the loss: they are about the loss."""
    for trial, style in zip(series, styles, strict=True):
        for onset, line_style in (
            (median_onset(trial), OVERFITTING_LINE),
            (median_plateau_onset(trial), PLATEAU_LINE),
        ):
            if onset is not None and style.index is not None:
                ax.axvline(
                    onset,
                    color=style.color,
                    linewidth=points(0.8),
                    linestyle=line_style,
                    zorder=2,
                )


def label_panel(
    ax: Axes,
    series: Sequence[Series],
    styles: Sequence[SeriesStyle],
    panel: PanelCurves,
    *,
    onsets: bool,
) -> float:
    """Marks the curves that leave the axis with an arrow and a word, and writes the onsets.

    The width of the panel must be final. A single onset is written in words, several as epochs.

    Returns:
        The height that the labels need above the panel, in points.
    """
    figure = figure_of(ax)
    top: list[EdgeLabel] = []
    bottom: list[EdgeLabel] = []
    first, last = ax.get_xlim()
    low, high = ax.get_ylim()
    for end in axis_exits(panel, series, MAX_NAMED, (low, high)):
        if not first <= end.x <= last:
            continue
        style = SeriesStyle(None) if end.rank is None else styles[end.rank]
        label = EdgeLabel(end.x, end.text, style.color, arrow=True, marker=style.marker)
        (top if end.upward else bottom).append(label)
    marked = [
        (onset, onset_text(trial), style.color)
        for trial, style in zip(series, styles, strict=True)
        if style.index is not None
        and (onset := median_onset(trial) or median_plateau_onset(trial)) is not None
        and first <= onset <= last
    ]
    if onsets:
        is_single = len(marked) == 1
        top += [EdgeLabel(x, text if is_single else f"{x}", color) for x, text, color in marked]
    label_bottom(figure, ax, bottom)
    return label_top(figure, ax, top)
