"""The legend of figures with learning curves: line styles, band and marks; then the trials."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnlab.figures.draw.axis_exits import divergence_points, is_inside
from nnlab.figures.draw.curve_marks import cross_handle, has_selectable_epochs, ring_handle
from nnlab.figures.draw.display_names import split_of
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.panel import BAND_ALPHA, CurveOptions, validation_sample_size
from nnlab.figures.draw.panel_curves import collect_panel
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.reader_options import current_reader_options
from nnlab.figures.draw.series import Series, axis_label, median_onset, median_plateau_onset
from nnlab.figures.draw.series_style import MAX_NAMED, series_legend_entries
from nnlab.figures.draw.style import DASHES, OVERFITTING_LINE, PLATEAU_LINE
from nnlab.stats.curve_band import MIN_INTERVAL_SEEDS, BandKind
from nnlab.stats.uncertainty import Uncertainty

_SPLIT_NAMES: Mapping[str, str] = {"train": "training", "val": "validation", "test": "test"}
_BANDS: Mapping[Uncertainty, BandKind] = {
    Uncertainty.CI: BandKind.INTERVAL,
    Uncertainty.SD: BandKind.SD,
    Uncertainty.SE: BandKind.SE,
}
_BAND_NAMES: Mapping[BandKind, str] = {
    BandKind.INTERVAL: "95 % CI",
    BandKind.SD: "± sd",
    BandKind.SE: "± standard error",
    BandKind.RANGE: "range",
}
# The onsets that are marked in the panel of the loss: epoch, line style, text in the legend.
ONSETS: tuple[tuple[Callable[[Series], int | None], Literal[":", "-."], str], ...] = (
    (median_onset, OVERFITTING_LINE, "overfitting starts"),
    (median_plateau_onset, PLATEAU_LINE, "plateau starts"),
)


def default_band() -> BandKind:
    """The kind of band of the uncertainty that the reader selected."""
    return _BANDS[current_reader_options().uncertainty]


def trial_entries(series: Sequence[Series]) -> list[LegendEntry]:
    """An entry for each trial; none for a single trial, which the caption names."""
    if len(series) == 1:
        return []
    return series_legend_entries([trial.label for trial in series], "trial")


def curve_key_entries(
    series: Sequence[Series], panels: Mapping[str, Sequence[str]], options: CurveOptions
) -> list[LegendEntry]:
    """Entries for the line styles, the band and the marks that the figure contains.

    Args:
        series: the trials.
        panels: the metrics of each panel, by quantity.
        options: how the curves are drawn.
    """
    metrics = [metric for group in panels.values() for metric in group]
    # With a single trial its colour needs no entry of its own.
    ink = color(0) if len(series) == 1 else current_paper().look.ink
    handles: list[tuple[Artist, str]] = []
    splits = list(dict.fromkeys(split for m in metrics if (split := split_of(m))))
    if len(splits) > 1:
        handles += [
            (Line2D([], [], color=ink, linestyle=DASHES[split]), _SPLIT_NAMES[split])
            for split in sorted(splits, key=list(_SPLIT_NAMES).index)
        ]
    if band := describe_band(
        [len(trial.histories) for trial in series[:MAX_NAMED]], options.spread
    ):
        handles.append((band_handle(ink), band))
    for metric in metrics:
        if (examples := validation_sample_size(series, metric)) is not None:
            handles.append((band_handle(ink), f"68 % interval of {examples:.0f} examples"))
    if any(has_selectable_epochs(trial, metrics) for trial in series[:MAX_NAMED]):
        handles.append((ring_handle(), f"best {axis_label(series).lower()}"))
    if "loss" in panels:
        handles += onset_handles(series)
    if _has_cross(series, panels, options):
        handles.append((cross_handle(), "diverged"))
    return [LegendEntry(handle, label) for handle, label in handles]


def onset_handles(series: Sequence[Series]) -> list[tuple[Artist, str]]:
    """The samples of the onset lines that are drawn for the named trials, with their names."""
    ink = current_paper().look.ink
    return [
        (Line2D([], [], color=ink, linewidth=points(0.8), linestyle=dashes), text)
        for onset, dashes, text in ONSETS
        if any(onset(trial) is not None for trial in series[:MAX_NAMED])
    ]


def band_handle(ink: str) -> Patch:
    """The sample of a band in a legend."""
    return Patch(color=ink, alpha=BAND_ALPHA, linewidth=0)


def _has_cross(
    series: Sequence[Series], panels: Mapping[str, Sequence[str]], options: CurveOptions
) -> bool:
    """Whether a seed diverged at a point inside the axis of one of the panels."""
    if not any(divergence_points(trial, m) for trial in series for g in panels.values() for m in g):
        return False
    return any(
        is_inside(value, panel)
        for group in panels.values()
        for panel in [collect_panel(series, group, options.spread, options.log)]
        for trial in series
        for metric in group
        for _, value in divergence_points(trial, metric)
    )


def describe_band(seeds: Sequence[int], spread: BandKind | None) -> str:
    """The legend text of the bands of trials with these numbers of seeds; empty if none is drawn.

    >>> describe_band([6, 6], BandKind.INTERVAL), describe_band([3], BandKind.SD)
    ('95 % CI, 6 seeds', 'range of 3 seeds')
    >>> describe_band([3, 5], BandKind.INTERVAL)
    '95 % CI (range below 5 seeds), 3 to 5 seeds'
    """
    several = sorted({n for n in seeds if n > 1})
    if not several or spread is None:
        return ""
    count = f"{several[0]} seeds" if len(several) == 1 else f"{several[0]} to {several[-1]} seeds"
    if spread is BandKind.RANGE or several[-1] < MIN_INTERVAL_SEEDS:
        return f"range of {count}"
    few = f" (range below {MIN_INTERVAL_SEEDS} seeds)" if several[0] < MIN_INTERVAL_SEEDS else ""
    return f"{_BAND_NAMES[spread]}{few}, {count}"
