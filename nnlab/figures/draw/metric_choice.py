"""Which metrics of trials are worth a curve."""

from collections.abc import Sequence

from nnlab.figures.draw.display_names import split_of
from nnlab.figures.draw.series import Series

# With more trials than this, training curves would only hide the validation curves.
_MAX_TRIALS_WITH_TRAINING = 6
_SECOND_QUANTITIES = ("accuracy", "r2", "mae")


def choose_metrics(series: Sequence[Series], asked: Sequence[str] | None = None) -> tuple[str, ...]:
    """The metrics that were asked for, a quantity such as `loss` as its splits; or the usual."""
    return _default_metrics(series) if asked is None else _expand_quantities(asked, series)


def _default_metrics(series: Sequence[Series]) -> tuple[str, ...]:
    """Loss, and the first measured of accuracy, R² and mean absolute error."""
    panels = [
        found for q in ("loss", *_SECOND_QUANTITIES) if (found := _metrics_of_quantity(q, series))
    ]
    return tuple(metric for panel in panels[:2] for metric in panel)


def _expand_quantities(metrics: Sequence[str], series: Sequence[Series]) -> tuple[str, ...]:
    """The metrics, with a quantity such as `loss` replaced by its splits; doubles left out."""
    measured = _measured_metrics(series)
    wanted: list[str] = []
    for metric in metrics:
        split = metric in measured or split_of(metric)
        wanted += [metric] if split else _metrics_of_quantity(metric, series) or [metric]
    return tuple(dict.fromkeys(wanted))


def _metrics_of_quantity(quantity: str, series: Sequence[Series]) -> list[str]:
    """What was measured of a quantity: validation, and training where there is room for it."""
    measured = _measured_metrics(series)
    train, val = (f"{split}/{quantity}" for split in ("train", "val"))
    if val not in measured:
        return [train] if train in measured else []
    with_training = train in measured and len(series) <= _MAX_TRIALS_WITH_TRAINING
    return [train, val] if with_training else [val]


def _measured_metrics(series: Sequence[Series]) -> frozenset[str]:
    return frozenset(m for one in series for history in one.histories for m in history.metrics)
