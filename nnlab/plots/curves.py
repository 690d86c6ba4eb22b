"""The learning curves of trials: loss and accuracy over epochs, with what was found in them."""

from collections.abc import Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnlab.plots.labels import short_labels
from nnlab.plots.legend import ROW_HEIGHT, Entry, columns_that_fit, legend_at, rows_needed
from nnlab.plots.names import quantity_of, split_of
from nnlab.plots.onsets import label_onsets, onset_of, settle
from nnlab.plots.panel import Look, draw_panel, has_best, has_diverged, sampled
from nnlab.plots.series import Series
from nnlab.plots.style import DASHES, INK, WIDTH, style

# More than these are not followed by eye: the rest is drawn thin and grey, under one name.
MOST_NAMED = 12
# With more trials than this, training curves would only hide the validation curves.
_MOST_WITH_TRAINING = 6
_SECOND_PANELS = ("accuracy", "r2", "mae")
_PANEL_HEIGHT, _LEGEND_PAD = 2.2, 0.07  # inches
_SPLIT_NAMES: Mapping[str, str] = {"train": "training", "val": "validation", "test": "test"}


def curves(
    series: Sequence[Series],
    *,
    metrics: Sequence[str] | None = None,
    axes: Axes | Sequence[Axes] | None = None,
    loss: str | None = None,
) -> Figure:
    """Draws the curves of `series`, most important first, a panel for each quantity.

    Validation is solid and training dashed, in one colour a trial. Several seeds are drawn as
    their mean with a band from the lowest to the highest. A ring marks the selected epoch, a
    dotted line the onset of overfitting, a cross where a run diverged; values that are not
    finite leave gaps. The first twelve trials are named, further ones are grey. A loss that
    spans more than one and a half decades gets a logarithmic axis.

    Args:
        series: one a trial; may be empty, which draws empty panels.
        metrics: the metrics to draw, such as `val/loss`, or quantities, such as `loss` for its
            training and validation; those of one quantity share a panel.
            By default loss, and accuracy, R² or the mean absolute error where measured.
        axes: where to draw, one a panel, to compose a figure of one's own; the legend then is
            the caller's. By default a new figure, 5.5 inches wide.
        loss: the name of the loss in the catalogue, for the axis label and its unit.

    Raises:
        ValueError: `axes` are fewer or more than the panels.
    """
    chosen = _default_metrics(series) if metrics is None else _expanded(metrics, series)
    panels: dict[str, list[str]] = {}
    for metric in chosen or ("val/loss",):
        panels.setdefault(quantity_of(metric), []).append(metric)
    with style():
        if axes is None:
            return _new_figure(series, panels, loss)
        places = [axes] if isinstance(axes, Axes) else list(axes)
        if len(places) != len(panels):
            raise ValueError(f"{len(panels)} panels ({', '.join(panels)}), {len(places)} axes")
        for ax, group in zip(places, panels.values(), strict=True):
            draw_panel(ax, series, _looks(series), group, loss)
        figure = places[0].get_figure(root=True)
        assert figure is not None
        return figure


def _default_metrics(series: Sequence[Series]) -> tuple[str, ...]:
    """Loss, and the first measured of accuracy, R² and mean absolute error."""
    panels = [found for q in ("loss", *_SECOND_PANELS) if (found := _splits_of(q, series))]
    return tuple(metric for panel in panels[:2] for metric in panel)


def _expanded(metrics: Sequence[str], series: Sequence[Series]) -> tuple[str, ...]:
    """The metrics, with a quantity such as `loss` replaced by its splits; doubles left out."""
    measured = _measured(series)
    wanted: list[str] = []
    for metric in metrics:
        split = metric in measured or split_of(metric)
        wanted += [metric] if split else _splits_of(metric, series) or [metric]
    return tuple(dict.fromkeys(wanted))


def _splits_of(quantity: str, series: Sequence[Series]) -> list[str]:
    """What was measured of a quantity: validation, and training where there is room for it."""
    measured = _measured(series)
    train, val = (f"{split}/{quantity}" for split in ("train", "val"))
    if val not in measured:
        return [train] if train in measured else []
    with_training = train in measured and len(series) <= _MOST_WITH_TRAINING
    return [train, val] if with_training else [val]


def _measured(series: Sequence[Series]) -> frozenset[str]:
    return frozenset(m for one in series for history in one.histories for m in history.metrics)


def _looks(series: Sequence[Series]) -> list[Look]:
    """The first twelve have a look of their own; a single trial needs no marker."""
    marked = len(series) > 1
    return [Look(i if i < MOST_NAMED else None, marked) for i, _ in enumerate(series)]


def _new_figure(
    series: Sequence[Series], panels: Mapping[str, Sequence[str]], loss: str | None
) -> Figure:
    figure = Figure(figsize=(WIDTH, _PANEL_HEIGHT), layout=ConstrainedLayoutEngine(wspace=0.05))
    FigureCanvasAgg(figure)  # measures text; saving picks its own canvas by format
    keys = _keys(series, [metric for group in panels.values() for metric in group])
    trials = _trials(series)
    blocks = [(entries, columns_that_fit(figure, entries)) for entries in (keys, trials) if entries]
    rows = [rows_needed(entries, columns) for entries, columns in blocks]
    below = sum(rows) * ROW_HEIGHT + len(rows) * _LEGEND_PAD
    height = _PANEL_HEIGHT + below
    figure.set_size_inches(WIDTH, height)
    parts = figure.subfigures(2, 1, height_ratios=[_PANEL_HEIGHT, max(below, 0.01)], squeeze=False)
    top, bottom = parts[:, 0]
    places = top.subplots(1, len(panels), squeeze=False)[0]
    for ax, group in zip(places, panels.values(), strict=True):
        draw_panel(ax, series, _looks(series), group, loss)
    used = 0.0
    for (entries, columns), count in zip(blocks, rows, strict=True):
        legend_at(bottom, 1 - used / below, entries, columns)
        used += count * ROW_HEIGHT + _LEGEND_PAD
    named = series[:MOST_NAMED]
    onsets = [(onset_of(one), look.color) for one, look in zip(named, _looks(series), strict=False)]
    if "loss" in panels:
        label_onsets(figure, places[list(panels).index("loss")], onsets)
    settle(figure)
    return figure


def _trials(series: Sequence[Series]) -> list[Entry]:
    """One for each trial that is named, and one for all the others together."""
    named = series[:MOST_NAMED]
    looks = _looks(series)
    entries = [
        Entry(Line2D([], [], color=look.color, marker=look.marker), label)
        for look, label in zip(looks, short_labels([one.label for one in named]), strict=False)
    ]
    if others := len(series) - len(named):
        text = f"{others} other trial{'s' if others > 1 else ''}"
        entries.append(Entry(Line2D([], [], color=looks[-1].color, linewidth=0.6), text))
    return entries


def _keys(series: Sequence[Series], metrics: Sequence[str]) -> list[Entry]:
    """What the dashes, the band and the marks mean, as far as they are drawn."""
    handles: list[tuple[Artist, str]] = []
    splits = list(dict.fromkeys(split for m in metrics if (split := split_of(m))))
    if len(splits) > 1:
        handles += [
            (Line2D([], [], color=INK, linestyle=DASHES[split]), _SPLIT_NAMES[split])
            for split in splits
        ]
    seeds = {len(one.histories) for one in series if len(one.histories) > 1}
    if seeds:
        over = f"{seeds.pop()} seeds" if len(seeds) == 1 else "seeds"
        handles.append((Patch(color=INK, alpha=0.18, linewidth=0), f"range over {over}"))
    for metric in metrics:
        if (examples := sampled(series, metric)) is not None:
            told = f"±1 standard error of {examples:.0f} examples"
            handles.append((Patch(color=INK, alpha=0.18, linewidth=0), told))
    if any(has_best(one, metrics) for one in series):
        handles.append((_mark(marker="o", markerfacecolor="none", markersize=4.8), "best epoch"))
    shown = "loss" in map(quantity_of, metrics)
    if shown and any(onset_of(one) is not None for one in series[:MOST_NAMED]):
        handles.append(
            (Line2D([], [], color=INK, linewidth=0.8, linestyle=":"), "overfitting starts")
        )
    if any(has_diverged(one, metrics) for one in series):
        handles.append((_mark(marker="x", markersize=4.5), "diverged"))
    return [Entry(handle, label) for handle, label in handles]


def _mark(**properties: object) -> Line2D:
    return Line2D([], [], color=INK, linestyle="", **properties)  # type: ignore[arg-type]
