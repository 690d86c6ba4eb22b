"""The objective of runs of a script: as the script names the metric, or chosen from its metrics."""

from collections.abc import Collection

from nnlab.metric_names import split_of, usual_name
from nnlab.objective import Objective, direction_of

_SPLIT_ORDER = ("val", "test", None, "train")
# Costs, and quantities of the machine.
_NO_RESULTS = ("time/", "energy/", "cost/", "system/")


def find_objective_metric(objective: Objective, metrics: Collection[str]) -> Objective | None:
    """The objective with the name that the script gives to its metric; None if it has no such one.

    >>> find_objective_metric(Objective("val/acc", "max"), ["val/accuracy", "val/loss"])
    Objective(metric='val/accuracy', direction='max')
    """
    if objective.metric in metrics:
        return objective
    usual = usual_name(objective.metric)
    same = [name for name in metrics if usual_name(name) == usual]
    return Objective(same[0], objective.direction) if same else None


def guess_objective(metrics: Collection[str]) -> Objective | None:
    """The metric that says most about a model, with its direction; None if no direction is known.

    Metrics of the validation split come first, and losses before other metrics.

    >>> guess_objective(["train/loss", "val/accuracy", "val/loss"])
    Objective(metric='val/loss', direction='min')
    """
    candidates = [
        Objective(name, direction)
        for name in metrics
        if (direction := direction_of(name)) is not None and not name.startswith(_NO_RESULTS)
    ]
    return min(candidates, key=lambda objective: _preference(objective.metric), default=None)


def same_objective(first: Objective | None, second: Objective | None) -> bool:
    """Whether two objectives mean the same metric, which may have several usual spellings."""
    if first is None or second is None:
        return first is second
    same_metric = usual_name(first.metric) == usual_name(second.metric)
    return same_metric and first.direction == second.direction


def _preference(metric: str) -> tuple[int, bool, str]:
    is_loss = usual_name(metric).rpartition("/")[2] == "loss"
    return _SPLIT_ORDER.index(split_of(metric)), not is_loss, metric
