"""The objective of a study of imported runs whose user has not chosen one."""

from collections.abc import Mapping, Sequence

from nnlab.objective import Direction, Objective, direction_of

_PREFERRED = ("val/loss", "val/accuracy")
# Validation first: a test split is not for choosing, and a training loss does not show overfitting.
_SPLITS = ("val/", "test/", "", "train/")


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
    """
    if not metrics:
        return None
    most = metrics[0][1]
    # A metric of a few runs would leave out the others.
    frequent = [name for name, count in metrics if count * 2 > most]
    for name in (*_PREFERRED, *_by_split(frequent)):
        direction = directions.get(name) or direction_of(name)
        if name in frequent and direction is not None:
            return Objective(name, direction)
    return None


def _by_split(names: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: next(i for i, s in enumerate(_SPLITS) if _has(name, s)))


def _has(name: str, split: str) -> bool:
    if split:
        return name.startswith(split)
    return not name.startswith(tuple(filter(None, _SPLITS)))
