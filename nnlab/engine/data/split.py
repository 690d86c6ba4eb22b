"""The split into train, val and test: stratified by class, seeded, the same for every run seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError


@dataclass(frozen=True, slots=True)
class SplitRows:
    """Rows of each split, int64, ascending, disjoint; together they are all rows."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


def draw_splits(dataset: Dataset, *, val: float, test: float | None, seed: int) -> SplitRows:
    """Draws the splits; each class (or, for regression, each tenth of the targets) is shared out.

    A split that the data set brings is kept, and the others are drawn from the rest of its rows.

    Args:
        dataset: the data set.
        val: share of the rows to draw from that is for validation, in (0, 1).
        test: share for the test, in (0, 1); not used where the set has a test split.
        seed: of the draw.

    Raises:
        DataError: a split would be empty.
    """
    total = len(dataset.targets)
    count = total - dataset.own_test - dataset.own_val
    draw = np.random.Generator(np.random.PCG64(seed))
    order = draw.permutation(count)
    # Sorting by stratum (stable, after a shuffle) and cutting at even spacing gives each split
    # its share of every stratum to within one example, and the totals exactly.
    ranked = order[np.argsort(strata(dataset, dataset.targets[:count])[order], kind="stable")]
    role = np.zeros(count, np.int8)
    shares = ((1, 0.0 if dataset.own_test else test or 0.0), (2, 0.0 if dataset.own_val else val))
    for code, share in shares:
        free = np.flatnonzero(role == 0)
        role[free[_evenly_spaced(len(free), round(share * count))]] = code
    train, drawn_val, drawn_test = (np.sort(ranked[role == code]) for code in (0, 2, 1))
    own_val = np.arange(count, count + dataset.own_val)
    own_test = np.arange(total - dataset.own_test, total)
    parts = SplitRows(
        train,
        own_val if dataset.own_val else drawn_val,
        own_test if dataset.own_test else drawn_test,
    )
    for name, rows in (("train", parts.train), ("val", parts.val), ("test", parts.test)):
        if len(rows) == 0:
            raise DataError(
                f"{dataset.name} has {count} examples, too few: the {name} split would be empty",
                hint="add examples, or raise --val-fraction and --test-fraction",
            )
    return parts


def _evenly_spaced(count: int, wanted: int) -> NDArray[np.int64]:
    """`wanted` places spread evenly over `count`."""
    return ((np.arange(wanted) + 0.5) * count / max(wanted, 1)).astype(np.int64)


def strata(dataset: Dataset, targets: NDArray[np.generic]) -> NDArray[np.int64]:
    """What is shared out evenly: the class of each target, or the tenth that a number is in."""
    if dataset.task == "classification":
        return np.asarray(targets, np.int64)
    numbers = np.asarray(targets, np.float64)
    edges = np.quantile(numbers, np.linspace(0, 1, 11)[1:-1])
    return np.searchsorted(edges, numbers).astype(np.int64)
