"""The charts of the HTML report: curves as coordinates of SVG elements, for the template."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
from nnlab.io.text import axis_word, position_number
from nnlab.stats.curve_band import BandKind, CurveBand, mean_curve

WIDTH, HEIGHT = 560, 250  # of a panel, in CSS pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 20, 34
_MAX_POINTS = 160
_MAX_NAMED = 12
_MAX_BANDS = 6  # more bands would overlap
_MAX_TRIALS_WITH_TRAINING = 6
_MIN_DIGITS, _MAX_DIGITS = 3, 12  # of the labels of an axis


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One curve: SVG points, the outline of its band, and the numbers for the tooltip."""

    rank: int
    label: str
    split: str
    points: tuple[str, ...]
    band: str
    epochs: str
    values: str
    best: tuple[float, float] | None
    onset: float | None
    onset_text: str
    is_plateau: bool

    @property
    def named(self) -> bool:
        """Whether it has a colour and an entry in the legend."""
        return self.rank < _MAX_NAMED


@dataclass(frozen=True, slots=True)
class ChartTick:
    """A tick: its position in pixels, and its label."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class ChartPanel:
    """A chart: axes, lines, and an optional shaded range of epochs (in pixels)."""

    title: str
    x_ticks: tuple[ChartTick, ...]
    y_ticks: tuple[ChartTick, ...]
    lines: tuple[ChartLine, ...]
    shaded: tuple[float, float] | None = None
    axis: str = "epoch"
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM


@dataclass(frozen=True, slots=True)
class _PixelScale:
    """Maps values to pixels; values outside are moved to the edge."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (
            (math.log10(self.low), math.log10(self.high), math.log10(max(value, 1e-300)))
            if self.log
            else (self.low, self.high, value)
        )
        share = (value - low) / (high - low)
        pixel = self.start + share * (self.end - self.start)
        inside = (min(self.start, self.end) - 2, max(self.start, self.end) + 2)
        return round(min(max(pixel, inside[0]), inside[1]), 1)


def build_panels(
    series: Sequence[Series], loss: str | None, *, shade: bool = False
) -> list[ChartPanel]:
    """A panel for the loss, and one for the first other default quantity that was measured.

    Args:
        series: the trials, most important first.
        loss: the name of the loss in the catalogue, for the title.
        shade: whether to shade the epochs after the onset of overfitting or of a plateau.
    """
    measured = {m for trial in series for history in trial.histories for m in history.metrics}
    measured_quantities = {quantity_of(metric) for metric in measured if split_of(metric)}
    quantities = [quantity for quantity in DEFAULT_QUANTITIES if quantity in measured_quantities]
    return [_build_panel(series, quantity, measured, loss, shade) for quantity in quantities[:2]]


def _build_panel(
    series: Sequence[Series], quantity: str, measured: set[str], loss: str | None, shade: bool
) -> ChartPanel:
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
    last = max((band.epochs[-1] for _, _, band in bands), default=1)
    x = _PixelScale(1 if last > 1 else 0, max(last, 2), _LEFT + 4, WIDTH - _RIGHT - 4)
    lower = lower_is_better(series, f"val/{quantity}")
    y = _value_scale(seeds, log=quantity == "loss", lower=lower)
    lines = tuple(
        _build_line(series[rank], rank, split, band, x, y, quantity) for rank, split, band in bands
    )
    onset = next((epoch for trial in series if (epoch := _marked_onset(trial)) is not None), None)
    axes = {trial.axis for trial in series}
    single_title = metric_name(f"{splits[0]}/{quantity}", loss)
    return ChartPanel(
        quantity_name(quantity, loss) if len(splits) > 1 else single_title,
        tuple(ChartTick(x(epoch), position_number(epoch, axes)) for epoch in _round_steps(1, last)),
        _labelled_ticks(y),
        lines,
        (x(onset), x(last)) if shade and onset is not None and quantity == "loss" else None,
        axis_word(axes),
    )


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


def _build_line(
    trial: Series,
    rank: int,
    split: str,
    band: CurveBand,
    x: _PixelScale,
    y: _PixelScale,
    quantity: str,
) -> ChartLine:
    is_named = rank < _MAX_NAMED
    means = dict(zip(band.epochs, band.mean, strict=True))
    selected = means.get(trial.selected or 0)
    marks_best = split == "val" and is_named and selected is not None and math.isfinite(selected)
    marks_onset = quantity == "loss" and split == "val" and is_named
    onset = _marked_onset(trial) if marks_onset else None
    return ChartLine(
        rank,
        trial.label,
        split,
        tuple(_polylines(band, x, y)),
        _band_outline(band, x, y) if rank < _MAX_BANDS and max(band.n) > 1 else "",
        ",".join(map(str, band.epochs)) if is_named else "",
        ",".join(f"{value:.5g}" for value in band.mean) if is_named else "",
        (x(trial.selected or 0), y(selected or 0.0)) if marks_best else None,
        None if onset is None else x(onset),
        onset_text(trial),
        median_onset(trial) is None,
    )


def _marked_onset(trial: Series) -> int | None:
    """The onset of overfitting of a trial, else the onset of its validation plateau."""
    return median_onset(trial) or median_plateau_onset(trial)


def _polylines(band: CurveBand, x: _PixelScale, y: _PixelScale) -> Iterator[str]:
    """The points of a polyline for each stretch of finite values."""
    piece: list[str] = []
    for epoch, value in zip(band.epochs, band.mean, strict=True):
        if math.isfinite(value):
            piece.append(f"{x(epoch):g},{y(value):g}")
        elif piece:
            yield " ".join(piece)
            piece = []
    if piece:
        yield " ".join(piece)


def _band_outline(band: CurveBand, x: _PixelScale, y: _PixelScale) -> str:
    corners = [
        (x(epoch), y(low), y(high))
        for epoch, low, high in zip(band.epochs, band.low, band.high, strict=True)
        if math.isfinite(low) and math.isfinite(high)
    ]
    upper = [f"{x_pixel:g},{high:g}" for x_pixel, _, high in corners]
    lower = [f"{x_pixel:g},{low:g}" for x_pixel, low, _ in reversed(corners)]
    return " ".join(upper + lower)


def _value_scale(
    curves: Sequence[Sequence[float]], *, log: bool, lower: bool | None
) -> _PixelScale:
    values = [value for curve in curves for value in curve if math.isfinite(value)]
    if not values:
        return _PixelScale(0.0, 1.0, HEIGHT - _BOTTOM, _TOP)
    starts = [next(filter(math.isfinite, curve), 0.0) for curve in curves]
    settled = [
        worst
        for curve in curves
        if (worst := worst_after_transient(curve, lower=lower)) is not None
    ]
    axis_range = robust_axis_range(values, starts, log=log, lower=lower, settled=settled)
    return _PixelScale(*axis_range.with_margin(), HEIGHT - _BOTTOM, _TOP, log=axis_range.log)


def _value_ticks(scale: _PixelScale) -> list[float]:
    if not scale.log:
        return _round_steps(scale.low, scale.high, whole=False)
    first, last = math.ceil(math.log10(scale.low)), math.floor(math.log10(scale.high))
    powers = [10.0**k for k in range(first, last + 1)]
    if len(powers) < 3:
        candidates = [m * 10.0**k for k in range(first - 1, last + 1) for m in (1, 2, 5)]
        inside = [value for value in candidates if scale.low <= value <= scale.high]
        return inside if len(inside) > 1 else _round_steps(scale.low, scale.high, whole=False)
    return powers[:: -(-len(powers) // 6)]


def _round_steps(low: float, high: float, *, whole: bool = True) -> list[float]:
    """Up to six round numbers from `low` to `high`; integers if `whole`."""
    if high <= low:
        return [low]
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= rough * 0.999)
    if whole:
        step = max(1.0, math.ceil(step))
    first = math.ceil(low / step)
    steps = [first * step + i * step for i in range(int((high - first * step) / step + 1e-9) + 1)]
    return [round(value, 12) for value in steps]


def _labelled_ticks(scale: _PixelScale) -> tuple[ChartTick, ...]:
    """The ticks of an axis, with as many digits as their values have: 2.3, 2.302, 2.304."""
    values = _value_ticks(scale)
    digits = max((_significant_digits(value) for value in values), default=_MIN_DIGITS)
    return tuple(ChartTick(scale(value), f"{value:.{digits}g}") for value in values)


def _significant_digits(value: float) -> int:
    for digits in range(_MIN_DIGITS, _MAX_DIGITS):
        if math.isclose(float(f"{value:.{digits}g}"), value):
            return digits
    return _MAX_DIGITS
