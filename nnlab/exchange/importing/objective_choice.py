"""The objective of a study of imported runs whose user has not chosen one."""

from collections.abc import Mapping, Sequence

from nnlab.metric_names import split_of, usual_name
from nnlab.objective import Direction, Objective, direction_of

_PREFERRED = ("val/loss", "val/accuracy")
# Validation first: a test split is not for choosing, and a training loss does not show overfitting.
_SPLITS = ("val", "test", None, "train")


def choose_objective(
    metrics: Sequence[tuple[str, int]], directions: Mapping[str, Direction]
) -> Objective | None:
    """The metric to rank by: one that most runs have, if possible measured on validation data.

    Args:
        metrics: the metrics with their numbers of runs, most frequent first.
        directions: those that users have defined.

    Returns:
        The objective; None if no metric has a known direction.

    >>> str(choose_objective([("train/loss", 3), ("val/f1", 3), ("val/loss", 1)], {}))
    'val/f1:max'
    >>> str(choose_objective([("train_loss", 3), ("val_acc", 3)], {}))
    'val_acc:max'
    """
    if not metrics:
        return None
    most = metrics[0][1]
    # A metric of a few runs would leave out the others.
    frequent = [name for name, count in metrics if count * 2 > most]
    for name in sorted(frequent, key=_preference):
        direction = directions.get(name) or direction_of(name)
        if direction is not None:
            return Objective(name, direction)
    return None


def _preference(name: str) -> tuple[int, int]:
    # The user may have kept the names in the log, such as val_acc.
    usual = usual_name(name)
    preferred = _PREFERRED.index(usual) if usual in _PREFERRED else len(_PREFERRED)
    return preferred, _SPLITS.index(split_of(name))
