"""Which metrics a figure of curves shows, by default or by name."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nnlab.figures.draw.display_names import split_of
from nnlab.figures.draw.series import Series
from nnlab.objective import Direction, split_direction

# With more trials than this, training curves would hide the validation curves.
_MAX_TRIALS_WITH_TRAINING = 6
# The first two that were measured. Those that only one kind of targets has come before accuracy.
DEFAULT_QUANTITIES = ("loss", "mean_iou", "exact_match", "accuracy", "r2", "mae")


def choose_metrics(series: Sequence[Series], names: Sequence[str] | None = None) -> tuple[str, ...]:
    """The requested metrics, with quantities such as `loss` as their splits; or the default."""
    return _default_metrics(series) if names is None else _expand_quantities(names, series)


def split_directions(names: Sequence[str]) -> tuple[list[str], dict[str, Direction]]:
    """Metrics without `:min` or `:max` at their end, and the directions that these give.

    >>> split_directions(["val/gini:max", "loss"])
    (['val/gini', 'loss'], {'val/gini': 'max'})
    """
    pairs = [split_direction(name) for name in names]
    return [name for name, _ in pairs], {name: way for name, way in pairs if way is not None}


def with_directions(
    series: Sequence[Series], directions: Mapping[str, Direction]
) -> tuple[Series, ...]:
    """The trials with more directions; a quantity such as `gini` stands for its splits."""
    full_names = {
        full: way
        for name, way in directions.items()
        for full in ([name] if "/" in name else [f"train/{name}", f"val/{name}"])
    }
    return tuple(replace(trial, directions={**trial.directions, **full_names}) for trial in series)


def _default_metrics(series: Sequence[Series]) -> tuple[str, ...]:
    """Loss, and the first of the other default quantities that was measured."""
    measured = (_metrics_of_quantity(quantity, series) for quantity in DEFAULT_QUANTITIES)
    panels = [metrics for metrics in measured if metrics]
    return tuple(metric for panel in panels[:2] for metric in panel)


def _expand_quantities(metrics: Sequence[str], series: Sequence[Series]) -> tuple[str, ...]:
    """The metrics without duplicates, each quantity such as `loss` replaced by its splits."""
    measured = _measured_metrics(series)
    expanded: list[str] = []
    for metric in metrics:
        is_metric = metric in measured or split_of(metric)
        expanded += [metric] if is_metric else _metrics_of_quantity(metric, series) or [metric]
    return tuple(dict.fromkeys(expanded))


def _metrics_of_quantity(quantity: str, series: Sequence[Series]) -> list[str]:
    """The measured metrics of a quantity: validation, and training if there are few trials."""
    measured = _measured_metrics(series)
    train, val = (f"{split}/{quantity}" for split in ("train", "val"))
    if val not in measured:
        return [train] if train in measured else []
    with_training = train in measured and len(series) <= _MAX_TRIALS_WITH_TRAINING
    return [train, val] if with_training else [val]


def _measured_metrics(series: Sequence[Series]) -> frozenset[str]:
    return frozenset(
        metric for trial in series for history in trial.histories for metric in history.metrics
    )
