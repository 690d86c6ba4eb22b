"""`nnlab plot gap`: training and validation curves of the best trials, the gap between shaded."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnlab import store
from nnlab.figures.draw.axis_exits import axis_exits, divergence_points, is_inside
from nnlab.figures.draw.axis_scales import apply_axis_range, set_epoch_axis
from nnlab.figures.draw.curve_keys import onset_handles
from nnlab.figures.draw.curve_marks import cross_handle, draw_cross, draw_ring, ring_handle
from nnlab.figures.draw.display_names import quantity_name
from nnlab.figures.draw.downsample import downsample_band
from nnlab.figures.draw.edge_labels import EdgeLabel, label_bottom, label_top
from nnlab.figures.draw.labels import short_labels, wrap_axis_label, wrap_to_width
from nnlab.figures.draw.layout import (
    available_text_width,
    figure_with_legend,
    freeze_layout,
    panel_grid,
    panel_height,
    share_axis_labels,
)
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.metric_choice import split_directions, with_directions
from nnlab.figures.draw.panel import show_empty_message
from nnlab.figures.draw.panel_curves import PanelCurves, collect_panel
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.series import (
    Series,
    as_series,
    axis_label,
    lower_is_better,
    median_onset,
    median_plateau_onset,
    onset_epochs,
    onset_text,
)
from nnlab.figures.draw.style import DASHES, OVERFITTING_LINE, PLATEAU_LINE, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trial_notes import divergence_notes, onset_notes, scale_notes
from nnlab.figures.trials import load_trial_curves
from nnlab.records import History
from nnlab.stats.curve_band import BandKind, CurveBand

_LABELS_HEIGHT = 0.3  # inches: the title and the labels above a panel
_GAP_ALPHA = 0.22


def prepare_gap(
    db: store.Database, words: Sequence[str], *, metric: str = "loss", top: int = 4
) -> PreparedFigure:
    """The figure of a quantity's training and validation curves, a panel per trial, `top` trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished.
    """
    (name,), directions = split_directions([metric])
    quantity = name.rpartition("/")[2]
    trials = load_trial_curves(db, words, top=top)
    series = with_directions(trials.series, {f"val/{quantity}": way for way in directions.values()})

    def draw() -> Figure:
        return draw_gap(series, quantity, trials.loss)

    panel = _collect_gap(series, quantity)
    rows = []
    for rank, trial in enumerate(series):
        means = {
            curve.metric: dict(zip(curve.band.epochs, curve.band.mean, strict=True))
            for curve in panel.curves
            if curve.rank == rank
        }
        train, val = (means.get(f"{split}/{quantity}", {}) for split in ("train", "val"))
        rows += [(trial.label, epoch, train.get(epoch), value) for epoch, value in val.items()]
    table = figure_table(("trial", "epoch", f"train/{quantity}", f"val/{quantity}"), rows)
    notes = (
        *trials.notes,
        *scale_notes({quantity: panel}, trials.loss),
        *divergence_notes(series),
        *onset_notes(series),
    )
    return PreparedFigure(draw, table, trials.runs, trials.summary, notes)


def _collect_gap(series: Sequence[Series], quantity: str) -> PanelCurves:
    """The means of the training and validation curves of all trials, for one axis."""
    metrics = [f"train/{quantity}", f"val/{quantity}"]
    return collect_panel(series, metrics, BandKind.RANGE, bands_drawn=False)


def draw_gap(
    trials: History | Series | Sequence[Series], quantity: str = "loss", loss: str | None = None
) -> Figure:
    """A figure with the mean training and validation curve of each trial, all on one scale.

    The area by which validation is worse than training is shaded (or differs from it, if it is
    unknown which values are better), in another colour from the onset of overfitting. A ring marks
    the selected epoch, a dotted line the onset of overfitting, a dash-dotted line the onset of a
    validation plateau.
    """
    series = as_series(trials)
    with style_context():
        count = max(len(series), 1)
        columns = panel_grid(count)[1]
        panel = _collect_gap(series, quantity)
        titles = [
            wrap_to_width(label, available_text_width(columns), current_paper().label_size, 1)
            for label in short_labels([trial.label for trial in series])
        ]
        panel_axes: list[Axes] = []

        def draw(axes: Sequence[Axes]) -> None:
            panel_axes.extend(axes)
            if not series:
                show_empty_message(axes[0], "nothing measured")
            for rank, (ax, trial) in enumerate(zip(axes, series, strict=False)):
                if panel.axis_range is not None:
                    apply_axis_range(ax, panel.axis_range)
                _draw_panel(ax, trial, rank, panel, quantity)
                ax.set_title(titles[rank])
                ax.set_xlabel(axis_label(series))
                ax.set_ylabel(wrap_axis_label(quantity_name(quantity, loss)))
            share_axis_labels(axes, columns)

        has_labels = quantity == "loss" and any(map(onset_text, series))
        figure = figure_with_legend(
            count,
            [_legend_entries(series, quantity, panel)],
            draw,
            height=panel_height(count) + (_LABELS_HEIGHT if has_labels else 0.0),
        )
        figure.draw_without_rendering()  # the labels depend on the width of the panels
        heights = [
            _label_panel(figure, ax, series, rank, panel, onsets=quantity == "loss")
            for rank, ax in enumerate(panel_axes[: len(series)])
        ]
        for rank, ax in enumerate(panel_axes[: len(series)]):
            start = rank - rank % columns
            row_height = max(heights[start : start + columns])
            ax.set_title(ax.get_title(), pad=row_height + points(4.0))
        freeze_layout(figure)
        return figure


def _label_panel(
    figure: Figure,
    ax: Axes,
    series: Sequence[Series],
    rank: int,
    panel: PanelCurves,
    *,
    onsets: bool,
) -> float:
    """Writes the onset and where the curves leave the axis; returns the height above in points."""
    trial = series[rank]
    labels: list[tuple[EdgeLabel, bool]] = [
        (EdgeLabel(end.x, end.text, color(0), arrow=True), end.upward)
        for end in axis_exits(panel, series, len(series), ax.get_ylim())
        if end.rank == rank
    ]
    if onsets and (text := onset_text(trial)):
        marked = median_onset(trial) is not None
        ink = color(1) if marked else current_paper().look.text
        epoch = median_onset(trial) or median_plateau_onset(trial) or min(onset_epochs(trial))
        labels.append((EdgeLabel(epoch, text, ink), True))
    label_bottom(figure, ax, [label for label, upward in labels if not upward])
    return label_top(figure, ax, [label for label, upward in labels if upward])


def _draw_panel(ax: Axes, trial: Series, rank: int, panel: PanelCurves, quantity: str) -> None:
    bands = {
        curve.metric.partition("/")[0]: downsample_band(curve.band)
        for curve in panel.curves
        if curve.rank == rank
    }
    train, val = (bands.get(split, CurveBand((), (), (), (), ())) for split in ("train", "val"))
    for band, split in ((train, "train"), (val, "val")):
        ax.plot(band.epochs, band.mean, color=color(0), linestyle=DASHES[split], zorder=4)
    train_means = dict(zip(train.epochs, train.mean, strict=True))
    shared = [
        (e, train_means[e], v)
        for e, v in zip(val.epochs, val.mean, strict=True)
        if e in train_means
    ]
    lower = lower_is_better([trial], f"val/{quantity}")
    worse = [v != t and lower in (None, v > t) for _, t, v in shared]
    epochs, low, high = ([row[i] for row in shared] for i in range(3))
    onset = median_onset(trial) if quantity == "loss" else None
    for is_after_onset in (False, True):
        where = [
            w and (onset is not None and e >= onset) is is_after_onset
            for w, e in zip(worse, epochs, strict=True)
        ]
        gap_color = color(1) if is_after_onset else color(0)
        if any(where):
            ax.fill_between(
                epochs,
                low,
                high,
                where=where,
                color=gap_color,
                alpha=_GAP_ALPHA,
                linewidth=0,
                zorder=2,
            )
    marks = [(onset, OVERFITTING_LINE)]
    marks += [(median_plateau_onset(trial), PLATEAU_LINE)] if quantity == "loss" else []
    for epoch, dashes in marks:
        if epoch is not None:
            ax.axvline(epoch, color=color(1), linewidth=points(0.8), linestyle=dashes, zorder=3)
    selected = trial.selected or 0
    selected_value = dict(zip(val.epochs, val.mean, strict=True)).get(selected)
    if selected_value is not None and is_inside(selected_value, panel):
        draw_ring(ax, selected, selected_value, color(0))
    for epoch, value in _crosses(trial, quantity, panel):
        draw_cross(ax, epoch, value, color(0))
    epochs_shown = [epoch for curve in panel.curves for epoch in curve.band.epochs] or [1]
    set_epoch_axis(ax, min(epochs_shown), max(epochs_shown))


def _crosses(trial: Series, quantity: str, panel: PanelCurves) -> Iterator[tuple[int, float]]:
    """The last points of the seeds that diverged, as far as they are inside the axis."""
    for split in ("train", "val"):
        for epoch, value in divergence_points(trial, f"{split}/{quantity}"):
            if is_inside(value, panel):
                yield epoch, value


def _legend_entries(
    series: Sequence[Series], quantity: str, panel: PanelCurves
) -> list[LegendEntry]:
    entries = [
        LegendEntry(Line2D([], [], color=color(0), linestyle=DASHES["train"]), "training"),
        LegendEntry(Line2D([], [], color=color(0)), "validation"),
        LegendEntry(Patch(color=color(0), alpha=_GAP_ALPHA, linewidth=0), "gap"),
    ]
    if any(trial.selected is not None for trial in series):
        entries.append(LegendEntry(ring_handle(), f"best {axis_label(series).lower()}"))
    if quantity == "loss" and any(median_onset(trial) is not None for trial in series):
        gap = Patch(color=color(1), alpha=_GAP_ALPHA, linewidth=0)
        entries.append(LegendEntry(gap, "gap while overfitting"))
    if quantity == "loss":
        entries += [LegendEntry(handle, label) for handle, label in onset_handles(series)]
    if any(True for trial in series for _ in _crosses(trial, quantity, panel)):
        entries.append(LegendEntry(cross_handle(), "diverged"))
    return entries
