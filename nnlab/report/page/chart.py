"""The charts of HTML pages: what nnlab/web/shared/chart.js draws, as values for JSON."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nnlab.figures.draw.axis_range import robust_axis_range, worst_after_transient
from nnlab.figures.draw.display_names import metric_name, quantity_name, quantity_of, split_of
from nnlab.figures.draw.downsample import downsample_band
from nnlab.figures.draw.metric_choice import DEFAULT_QUANTITIES
from nnlab.figures.draw.series import (
    Series,
    lower_is_better,
    median_onset,
    median_plateau_onset,
    onset_text,
)
from nnlab.io.text import axis_word
from nnlab.stats.curve_band import BandKind, CurveBand, mean_curve

_MAX_POINTS = 160
_MAX_NAMED = 12
_MAX_BANDS = 6  # more bands would overlap
_MAX_TRIALS_WITH_TRAINING = 6
_PALETTE_SIZE = 7
_SPLIT_NAMES = {"train": "training", "val": "validation"}


def build_charts(
    series: Sequence[Series], loss: str | None, *, shade: bool = False
) -> list[Mapping[str, Any]]:
    """A chart of the loss, and one of the first other default quantity that was measured.

    Args:
        series: the trials, most important first.
        loss: the name of the loss in the catalogue, for the title.
        shade: whether to shade the epochs after the onset of overfitting or of a plateau.
    """
    measured = {m for trial in series for history in trial.histories for m in history.metrics}
    measured_quantities = {quantity_of(metric) for metric in measured if split_of(metric)}
    quantities = [quantity for quantity in DEFAULT_QUANTITIES if quantity in measured_quantities]
    return [_build_chart(series, quantity, measured, loss, shade) for quantity in quantities[:2]]


def _build_chart(
    series: Sequence[Series], quantity: str, measured: set[str], loss: str | None, shade: bool
) -> Mapping[str, Any]:
    splits = ["val"] if f"val/{quantity}" in measured else ["train"]
    if len(series) <= _MAX_TRIALS_WITH_TRAINING and f"train/{quantity}" in measured:
        splits = ["train", "val"] if splits == ["val"] else splits
    bands = list(_mean_bands(series, quantity, splits))
    seeds = [
        curve.values
        for rank, split, _ in bands
        for history in series[rank].histories
        if (curve := history.get(f"{split}/{quantity}"))
    ]
    lower = lower_is_better(series, f"val/{quantity}")
    value_range, is_log = _value_range(seeds, log=quantity == "loss", lower=lower)
    last = max((band.epochs[-1] for _, _, band in bands), default=1)
    onset = next((epoch for trial in series if (epoch := _marked_onset(trial)) is not None), None)
    single_title = metric_name(f"{splits[0]}/{quantity}", loss)
    return {
        "title": quantity_name(quantity, loss) if len(splits) > 1 else single_title,
        "xLabel": axis_word({trial.axis for trial in series}),
        "yLog": is_log,
        "yRange": value_range,
        "lines": [_chart_line(series[rank], rank, split, band) for rank, split, band in bands],
        "rules": [
            rule
            for rank, trial in enumerate(series[:_MAX_NAMED])
            if quantity == "loss" and (rule := _onset_rule(trial, rank)) is not None
        ],
        "shaded": [onset, last] if shade and onset is not None and quantity == "loss" else None,
    }


def _mean_bands(
    series: Sequence[Series], quantity: str, splits: Sequence[str]
) -> Iterator[tuple[int, str, CurveBand]]:
    """The mean bands of all trials as (rank, split, band), the best last, so that it is on top."""
    for rank in reversed(range(len(series))):
        for split in splits:
            curves = [c for h in series[rank].histories if (c := h.get(f"{split}/{quantity}"))]
            band = mean_curve(curves, BandKind.INTERVAL)
            if len(band):
                yield rank, split, downsample_band(band, _MAX_POINTS)


def _chart_line(trial: Series, rank: int, split: str, band: CurveBand) -> Mapping[str, Any]:
    is_named = rank < _MAX_NAMED
    has_band = rank < _MAX_BANDS and max(band.n) > 1
    selected = dict(zip(band.epochs, band.mean, strict=True)).get(trial.selected or 0)
    marks_best = split == "val" and is_named and selected is not None and math.isfinite(selected)
    best = {"x": trial.selected, "y": selected, "kind": "best", "text": "selected epoch"}
    return {
        "key": f"{rank} {split}",
        "trial": rank if is_named else "other",
        "label": ", ".join(filter(None, (trial.label, _SPLIT_NAMES[split]))),
        "color": rank % _PALETTE_SIZE if is_named else "other",
        "dashed": split == "train",
        "faint": not is_named,
        "x": list(band.epochs),
        "y": _rounded(band.mean),
        "low": _rounded(band.low) if has_band else None,
        "high": _rounded(band.high) if has_band else None,
        "marks": [best] if marks_best else [],
    }


def _onset_rule(trial: Series, rank: int) -> Mapping[str, Any] | None:
    onset = _marked_onset(trial)
    if onset is None:
        return None
    return {
        "x": onset,
        "kind": "plateau" if median_onset(trial) is None else "onset",
        "color": rank % _PALETTE_SIZE,
        "text": f"{trial.label}: {onset_text(trial)}",
        "trial": rank,
    }


def _rounded(values: Sequence[float]) -> list[float | None]:
    """Values with six digits, as short JSON; None where they are not finite."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]


def _marked_onset(trial: Series) -> int | None:
    """The onset of overfitting of a trial, else the onset of its validation plateau."""
    return median_onset(trial) or median_plateau_onset(trial)


def _value_range(
    curves: Sequence[Sequence[float]], *, log: bool, lower: bool | None
) -> tuple[list[float], bool]:
    """The range of the values without what single outliers add to it, and whether it is log."""
    values = [value for curve in curves for value in curve if math.isfinite(value)]
    if not values:
        return [0.0, 1.0], False
    starts = [next(filter(math.isfinite, curve), 0.0) for curve in curves]
    settled = [
        worst
        for curve in curves
        if (worst := worst_after_transient(curve, lower=lower)) is not None
    ]
    axis_range = robust_axis_range(values, starts, log=log, lower=lower, settled=settled)
    return list(axis_range.with_margin()), axis_range.log
