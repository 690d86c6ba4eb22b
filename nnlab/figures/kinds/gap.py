"""`nnlab plot gap`: training and validation curves of the best trials, the gap between shaded."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnlab import store
from nnlab.figures.draw.axis_range import worst_after_transient
from nnlab.figures.draw.axis_scales import set_epoch_axis, set_value_axis
from nnlab.figures.draw.display_names import quantity_name
from nnlab.figures.draw.downsample import downsample_band
from nnlab.figures.draw.labels import short_labels, wrap_axis_label, wrap_to_width
from nnlab.figures.draw.layout import (
    available_text_width,
    figure_with_legend,
    freeze_layout,
    panel_grid,
)
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.metric_choice import split_directions, with_directions
from nnlab.figures.draw.panel import show_empty_message
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.series import (
    Series,
    as_series,
    lower_is_better,
    median_onset,
    median_plateau_onset,
    onset_text,
)
from nnlab.figures.draw.style import DASHES, OVERFITTING_LINE, PLATEAU_LINE, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import load_trial_curves
from nnlab.records import History
from nnlab.stats.curve_band import CurveBand, mean_curve

# Inches: a panel, and each further line of its title.
_PANEL_HEIGHT, _TITLE_LINE_HEIGHT = 1.8, 0.2
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

    rows = []
    for trial in series:
        train, val = (
            mean_curve([c for h in trial.histories if (c := h.get(f"{split}/{quantity}"))])
            for split in ("train", "val")
        )
        train_means = dict(zip(train.epochs, train.mean, strict=True))
        rows += [
            (trial.label, epoch, train_means.get(epoch), value)
            for epoch, value in zip(val.epochs, val.mean, strict=True)
        ]
    table = figure_table(("trial", "epoch", f"train/{quantity}", f"val/{quantity}"), rows)
    return PreparedFigure(draw, table, trials.runs, trials.summary, trials.notes)


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
        bands = [
            {split: _mean_band(trial, f"{split}/{quantity}") for split in DASHES}
            for trial in series
        ]
        available_width = available_text_width(panel_grid(max(len(series), 1))[1])
        # Panels may be narrow, so the number of seeds and the onset get a line each.
        notes = [
            onset_text(trial).replace(", ", ",\n") if quantity == "loss" else "" for trial in series
        ]
        height = _PANEL_HEIGHT + (
            _TITLE_LINE_HEIGHT if any("\n" in note for note in notes) else 0.0
        )
        titles = [
            wrap_to_width(label, available_width, current_paper().label_size, 1)
            for label in _panel_titles(series)
        ]

        def draw(axes: Sequence[Axes]) -> None:
            if not series:
                show_empty_message(axes[0], "nothing measured")
            values = _finite_means(bands)
            means = [band.mean for splits in bands for band in splits.values() if len(band)]
            starts = list(map(_first_finite, means))
            lower = lower_is_better(series, f"val/{quantity}")
            worst_settled = (worst_after_transient(mean, lower=lower) for mean in means)
            settled = [value for value in worst_settled if value is not None]
            for ax, trial, splits, title, note in zip(
                axes, series, bands, titles, notes, strict=False
            ):
                log = quantity == "loss"
                set_value_axis(ax, values, starts, log=log, lower=lower, settled=settled)
                _draw_panel(ax, trial, splits["train"], splits["val"], quantity)
                marked = quantity == "loss" and median_onset(trial) is not None
                ax.set_title(
                    f"{title}\n{note}" if note else title,
                    color=color(1) if marked else current_paper().look.text,
                )
                ax.set_xlabel("Epoch")
                ax.set_ylabel(wrap_axis_label(quantity_name(quantity, loss)))

        figure = figure_with_legend(
            max(len(series), 1), [_legend_entries(series, quantity)], draw, height=height
        )
        freeze_layout(figure)
        return figure


def _panel_titles(series: Sequence[Series]) -> list[str]:
    return short_labels([trial.label for trial in series])


def _mean_band(trial: Series, metric: str) -> CurveBand:
    return downsample_band(
        mean_curve([c for history in trial.histories if (c := history.get(metric))])
    )


def _finite_means(bands: Sequence[dict[str, CurveBand]]) -> list[float]:
    return [
        value
        for splits in bands
        for split in ("train", "val")
        for value in splits[split].mean
        if math.isfinite(value)
    ]


def _first_finite(values: Sequence[float]) -> float:
    return next(filter(math.isfinite, values), 0.0)


def _draw_panel(ax: Axes, trial: Series, train: CurveBand, val: CurveBand, quantity: str) -> None:
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
    if selected_value is not None and math.isfinite(selected_value):
        ax.plot(
            [selected],
            [selected_value],
            color=color(0),
            marker="o",
            markersize=points(4.8),
            markerfacecolor="none",
            clip_on=False,
            zorder=6,
        )
    epochs_shown = [*train.epochs, *val.epochs] or [1]
    set_epoch_axis(ax, min(epochs_shown), max(epochs_shown))


def _legend_entries(series: Sequence[Series], quantity: str) -> list[LegendEntry]:
    ink = current_paper().look.ink
    entries = [
        LegendEntry(Line2D([], [], color=color(0), linestyle=DASHES["train"]), "training"),
        LegendEntry(Line2D([], [], color=color(0)), "validation"),
        LegendEntry(Patch(color=color(0), alpha=_GAP_ALPHA, linewidth=0), "gap"),
    ]
    if any(trial.selected is not None for trial in series):
        entries.append(
            LegendEntry(
                legend_marker(marker="o", markerfacecolor="none", markersize=points(4.8)),
                "best epoch",
            )
        )
    if quantity == "loss" and any(median_onset(trial) is not None for trial in series):
        entries += [
            LegendEntry(
                Patch(color=color(1), alpha=_GAP_ALPHA, linewidth=0), "gap while overfitting"
            ),
            LegendEntry(
                Line2D([], [], color=ink, linewidth=points(0.8), linestyle=OVERFITTING_LINE),
                "overfitting starts",
            ),
        ]
    if quantity == "loss" and any(median_plateau_onset(trial) is not None for trial in series):
        line = Line2D([], [], color=ink, linewidth=points(0.8), linestyle=PLATEAU_LINE)
        entries.append(LegendEntry(line, "validation plateau starts"))
    return entries
