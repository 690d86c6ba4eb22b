"""The curves of a panel before they are drawn: means, bands and the range of the value axis."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from nnlab.figures.draw.axis_range import AxisRange, robust_axis_range, worst_after_transient
from nnlab.figures.draw.display_names import quantity_of, split_of
from nnlab.figures.draw.series import Series, lower_is_better
from nnlab.records import Curve
from nnlab.stats.curve_band import BandKind, CurveBand, mean_curve

MAX_TRIALS_WITH_TRAINING_BANDS = 2  # bands of more trials would overlap
_LOG_QUANTITIES = ("loss", "lr")  # logarithmic by default if they span decades


@dataclass(frozen=True, slots=True)
class PanelCurve:
    """The mean curve of one metric of the trial `rank`.

    `shaded` says whether its band is drawn, `seeds_drawn` whether every seed is drawn as a line.
    """

    rank: int
    metric: str
    band: CurveBand
    shaded: bool
    seeds_drawn: bool = False


@dataclass(frozen=True, slots=True)
class PanelCurves:
    """All curves of a panel, and the range of its axis; None without a finite value.

    If the axis is logarithmic, means and bands are those of the logarithms (`mean_curve`).
    """

    curves: tuple[PanelCurve, ...]
    axis_range: AxisRange | None

    @property
    def is_log(self) -> bool:
        """Whether the axis is logarithmic."""
        return self.axis_range is not None and self.axis_range.log

    @property
    def limits(self) -> tuple[float, float]:
        """The limits of the axis; infinite without a finite value."""
        if self.axis_range is None:
            return -math.inf, math.inf
        return self.axis_range.with_margin()


def collect_panel(
    series: Sequence[Series],
    metrics: Sequence[str],
    spread: BandKind | None,
    log: bool | None = None,
    *,
    bands_drawn: bool = True,
) -> PanelCurves:
    """The curves of `metrics`, all of one quantity, of every trial that has them.

    Args:
        series: the trials.
        metrics: metrics of one quantity.
        spread: what the bands show; None if every seed is drawn as a line.
        log: whether the axis is logarithmic where values permit it; None: if the quantity is a loss
            or a learning rate that spans decades.
        bands_drawn: False if only the means are drawn; the axis then need not show the bands.
    """
    seeds = {
        (rank, metric): curves
        for rank, trial in enumerate(series)
        for metric in metrics
        if any(map(len, curves := seed_curves(trial, metric)))
    }
    lower = lower_is_better(series, metrics[0])
    may_be_log = quantity_of(metrics[0]) in _LOG_QUANTITIES if log is None else log
    bands = partial(_panel_of_scale, seeds, metrics, len(series), spread, bands_drawn=bands_drawn)
    linear = bands(log_axis=False)
    if may_be_log and _all_positive(seeds):
        # Whether the axis is logarithmic depends on the seeds, because the bands depend on it.
        ranges = partial(_axis_range, seeds=seeds, log=True, lower=lower)
        seed_range = ranges(linear, always=log is True, with_seeds=True)
        if seed_range is not None and seed_range.log:
            on_log_axis = bands(log_axis=True)
            axis_range = ranges(on_log_axis, always=True, with_seeds=spread is None)
            return PanelCurves(on_log_axis, axis_range)
    return PanelCurves(
        linear,
        _axis_range(
            linear, seeds=seeds, log=False, always=False, lower=lower, with_seeds=spread is None
        ),
    )


def seed_curves(trial: Series, metric: str) -> list[Curve]:
    """The curves of a metric, one per seed that has it."""
    return [curve for history in trial.histories if (curve := history.get(metric))]


def is_band_shaded(metric: str, metrics: Sequence[str], trials: int) -> bool:
    """Whether the band of a metric is shaded; with many trials only validation bands are."""
    is_only_split = split_of(metric) != "train" or all(
        split_of(other) == "train" for other in metrics
    )
    return is_only_split or trials <= MAX_TRIALS_WITH_TRAINING_BANDS


_SeedCurves = Mapping[tuple[int, str], Sequence[Curve]]


def _panel_of_scale(
    seeds: _SeedCurves,
    metrics: Sequence[str],
    trials: int,
    spread: BandKind | None,
    *,
    log_axis: bool,
    bands_drawn: bool,
) -> tuple[PanelCurve, ...]:
    return tuple(
        PanelCurve(
            rank,
            metric,
            mean_curve(curves, spread or BandKind.RANGE, log_axis=log_axis),
            bands_drawn and spread is not None and is_band_shaded(metric, metrics, trials),
            bands_drawn and spread is None,
        )
        for (rank, metric), curves in seeds.items()
    )


def _axis_range(
    curves: Sequence[PanelCurve],
    *,
    seeds: _SeedCurves,
    log: bool,
    always: bool,
    lower: bool | None,
    with_seeds: bool,
) -> AxisRange | None:
    """The range of the means and bands, unless diverged seeds would hide the rest.

    `with_seeds` says whether the range contains each seed of the curves with a band, too.
    """
    shown: list[float] = []
    references: list[Sequence[float]] = []  # the curves that determine what is typical
    for curve in curves:
        seed_values = [seed.values for seed in seeds[curve.rank, curve.metric]]
        has_seeds = curve.shaded or curve.seeds_drawn
        references += seed_values if has_seeds else [curve.band.mean]
        shown += curve.band.mean
        if curve.shaded:
            shown += (*curve.band.low, *curve.band.high)
        if has_seeds and with_seeds:
            shown += (value for values in seed_values for value in values)
    finite = list(filter(math.isfinite, shown))
    if not finite:
        return None
    settled = (worst_after_transient(values, lower=lower) for values in references)
    return robust_axis_range(
        finite,
        [next(filter(math.isfinite, values), 0.0) for values in references],
        log=log,
        always=always,
        lower=lower,
        settled=[value for value in settled if value is not None],
    )


def _all_positive(seeds: _SeedCurves) -> bool:
    return not any(value <= 0 for curves in seeds.values() for c in curves for value in c.values)
