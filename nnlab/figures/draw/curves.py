"""The learning curves of trials: loss and accuracy over epochs, with what was found in them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnlab.figures.draw.frame import framed, settle
from nnlab.figures.draw.labels import short_labels
from nnlab.figures.draw.legend import Entry
from nnlab.figures.draw.metrics import metrics_of
from nnlab.figures.draw.names import quantity_of, split_of
from nnlab.figures.draw.onsets import label_onsets
from nnlab.figures.draw.panel import (
    MOST_WITH_TRAINING_BANDS,
    SHADE,
    Drawing,
    Look,
    draw_panel,
    has_best,
    has_diverged,
    line_of,
    sampled,
)
from nnlab.figures.draw.paper import paper, points
from nnlab.figures.draw.series import Series, onset_of, onset_text, plateau_onset_of, series_of
from nnlab.figures.draw.style import DASHES, OVERFITTING_LINE, PLATEAU_LINE, style
from nnlab.records import History
from nnlab.stats.band import LEAST_SEEDS, Spread

# More than these are not followed by eye: the rest is drawn thin and grey, under one name.
MOST_NAMED = 12
_SPLIT_NAMES: Mapping[str, str] = {"train": "training", "val": "validation", "test": "test"}
# What is marked beside the loss, its line, and its name in the legend.
_ONSETS: tuple[tuple[Callable[[Series], int | None], Literal[":", "-."], str], ...] = (
    (onset_of, OVERFITTING_LINE, "overfitting starts"),
    (plateau_onset_of, PLATEAU_LINE, "validation plateau starts"),
)


def curves(
    what: History | Series | Sequence[Series],
    *,
    metrics: Sequence[str] | None = None,
    axes: Axes | Sequence[Axes] | None = None,
    loss: str | None = None,
    spread: Spread | None = Spread.INTERVAL,
    log: bool | None = None,
) -> Figure:
    """Draws the curves of a run, or of trials, most important first, a panel for each quantity.

    Validation is solid and training dashed, in one colour a trial. Several seeds are drawn as
    their mean with a band, or each with a thin line. A ring marks the selected epoch, a
    dotted line the onset of overfitting, a dash-dotted one that of a validation plateau, a cross
    where a run diverged; values that are not finite leave gaps. The first twelve trials are
    named, further ones are grey.

    Args:
        what: one run, one trial, or trials; none draw empty panels.
        metrics: the metrics to draw, such as `val/loss`, or quantities, such as `loss` for its
            training and validation; those of one quantity share a panel.
            By default loss, and accuracy, R² or the mean absolute error where measured.
        axes: where to draw, one a panel, to compose a figure of one's own; the legend then is
            the caller's. By default a new figure, as wide as the paper.
        loss: the name of the loss in the catalogue, for the axis label and its unit.
        spread: what the band of several seeds shows; None draws every seed.
        log: a logarithmic axis; by default for losses that span more than one and a half
            decades. Values that are not positive keep it linear.

    Raises:
        ValueError: `axes` are fewer or more than the panels.
    """
    series = series_of(what)
    chosen = metrics_of(series, metrics)
    panels: dict[str, list[str]] = {}
    for metric in chosen or ("val/loss",):
        panels.setdefault(quantity_of(metric), []).append(metric)
    drawing = Drawing(loss, spread, log)
    with style():
        if axes is None:
            return _new_figure(series, panels, drawing)
        places = [axes] if isinstance(axes, Axes) else list(axes)
        if len(places) != len(panels):
            raise ValueError(f"{len(panels)} panels ({', '.join(panels)}), {len(places)} axes")
        _draw(places, series, panels, drawing)
        figure = places[0].get_figure(root=True)
        assert figure is not None
        return figure


def _draw(
    places: Sequence[Axes],
    series: Sequence[Series],
    panels: Mapping[str, Sequence[str]],
    drawing: Drawing,
) -> None:
    for ax, group in zip(places, panels.values(), strict=True):
        draw_panel(ax, series, looks(series), group, drawing)


def looks(series: Sequence[object]) -> list[Look]:
    """The first twelve have a look of their own; a single trial needs no marker."""
    marked = len(series) > 1
    return [Look(i if i < MOST_NAMED else None, marked) for i, _ in enumerate(series)]


def _new_figure(
    series: Sequence[Series], panels: Mapping[str, Sequence[str]], drawing: Drawing
) -> Figure:
    keys = _keys(series, [metric for group in panels.values() for metric in group], drawing.spread)
    shown: list[Axes] = []

    def draw(places: Sequence[Axes]) -> None:
        shown.extend(places)
        _draw(places, series, panels, drawing)

    figure = framed(len(panels), [keys, named([one.label for one in series], "trial")], draw)
    several = zip(series[:MOST_NAMED], looks(series), strict=False)
    onsets = [
        (onset, onset_text(one), look.color)
        for one, look in several
        if (onset := onset_of(one) or plateau_onset_of(one)) is not None
    ]
    if "loss" in panels:
        label_onsets(figure, shown[list(panels).index("loss")], onsets)
    settle(figure)
    return figure


def named(labels: Sequence[str], noun: str) -> list[Entry]:
    """An entry for each of the first twelve, and one for all the others together."""
    first = labels[:MOST_NAMED]
    looked = looks(labels)
    entries = [
        Entry(Line2D([], [], color=look.color, marker=look.marker), label, line_of(rank))
        for rank, (look, label) in enumerate(zip(looked, short_labels(first), strict=False))
    ]
    if others := len(labels) - len(first):
        text = f"{others} other {noun}{'s' if others > 1 else ''}"
        entries.append(Entry(Line2D([], [], color=looked[-1].color, linewidth=points(0.6)), text))
    return entries


def _keys(series: Sequence[Series], metrics: Sequence[str], spread: Spread | None) -> list[Entry]:
    """What the dashes, the band and the marks mean, as far as they are drawn."""
    ink = paper().look.ink
    handles: list[tuple[Artist, str]] = []
    splits = list(dict.fromkeys(split for m in metrics if (split := split_of(m))))
    if len(splits) > 1:
        handles += [
            (Line2D([], [], color=ink, linestyle=DASHES[split]), _SPLIT_NAMES[split])
            for split in splits
        ]
    if band := band_name([len(one.histories) for one in series[:MOST_NAMED]], spread):
        some = len(splits) > 1 and len(series) > MOST_WITH_TRAINING_BANDS
        name = f"{band} (validation)" if some else band
        handles.append((Patch(color=ink, alpha=SHADE, linewidth=0), name))
    for metric in metrics:
        if (examples := sampled(series, metric)) is not None:
            interval = f"68 % interval of {examples:.0f} examples"
            handles.append((Patch(color=ink, alpha=SHADE, linewidth=0), interval))
    if any(has_best(one, metrics) for one in series):
        ring = mark(marker="o", markerfacecolor="none", markersize=points(4.8))
        handles.append((ring, "best epoch"))
    shown = "loss" in map(quantity_of, metrics)
    for onset, dashes, text in _ONSETS:
        if shown and any(onset(one) is not None for one in series[:MOST_NAMED]):
            line = Line2D([], [], color=ink, linewidth=points(0.8), linestyle=dashes)
            handles.append((line, text))
    if any(has_diverged(one, metrics) for one in series):
        handles.append((mark(marker="x", markersize=points(4.5)), "diverged"))
    return [Entry(handle, label) for handle, label in handles]


def band_name(seeds: Sequence[int], spread: Spread | None) -> str:
    """What a band shows of trials with so many seeds; nothing where none is drawn.

    >>> band_name([6, 6], Spread.INTERVAL), band_name([3], Spread.SD)
    ('95 % interval, 6 seeds', 'range of 3 seeds')
    >>> band_name([3, 5], Spread.INTERVAL)
    '95 % interval (range below 5 seeds), 3 to 5 seeds'
    """
    several = sorted({n for n in seeds if n > 1})
    if not several or spread is None:
        return ""
    count = f"{several[0]} seeds" if len(several) == 1 else f"{several[0]} to {several[-1]} seeds"
    if spread is Spread.RANGE or several[-1] < LEAST_SEEDS:
        return f"range of {count}"
    name = "95 % interval" if spread is Spread.INTERVAL else "±1 sd"
    few = f" (range below {LEAST_SEEDS} seeds)" if several[0] < LEAST_SEEDS else ""
    return f"{name}{few}, {count}"


def mark(**properties: object) -> Line2D:
    """A mark without a line, for a legend."""
    return Line2D([], [], color=paper().look.ink, linestyle="", **properties)  # type: ignore[arg-type]
