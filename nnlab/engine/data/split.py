"""The split into train, val and test: stratified by class, seeded, the same for every run seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of each split, int64, ascending, disjoint; together they are all rows."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


def split(dataset: Dataset, *, val: float, test: float, seed: int) -> Split:
    """Draws the splits; each class (or, for regression, each tenth of the targets) is shared out.

    Args:
        dataset: the data set.
        val: share of all examples for validation, in (0, 1).
        test: share of all examples for the test, in (0, 1).
        seed: of the draw.

    Raises:
        DataError: a split would be empty.
    """
    draw = np.random.Generator(np.random.PCG64(seed))
    order = draw.permutation(len(dataset.targets))
    # Sorting by stratum (stable, after a shuffle) and cutting at even spacing gives each split
    # its share of every stratum to within one example, and the totals exactly.
    ranked = order[np.argsort(_strata(dataset)[order], kind="stable")]
    count = len(ranked)
    role = np.zeros(count, np.int8)
    for code, share in ((1, test), (2, val)):
        free = np.flatnonzero(role == 0)
        wanted = round(share * count)
        role[free[_even(len(free), wanted)]] = code
    parts = Split(*(np.sort(ranked[role == code]) for code in (0, 2, 1)))
    for name, rows in (("train", parts.train), ("val", parts.val), ("test", parts.test)):
        if len(rows) == 0:
            raise DataError(
                f"{dataset.name} has {count} examples, too few: the {name} split would be empty",
                hint="add examples, or raise --val-fraction and --test-fraction",
            )
    return parts


def _even(count: int, wanted: int) -> NDArray[np.int64]:
    """`wanted` places spread evenly over `count`."""
    return ((np.arange(wanted) + 0.5) * count / max(wanted, 1)).astype(np.int64)


def _strata(dataset: Dataset) -> NDArray[np.int64]:
    if dataset.task == "classification":
        return np.asarray(dataset.targets, np.int64)
    edges = np.quantile(dataset.targets, np.linspace(0, 1, 11)[1:-1])
    return np.searchsorted(edges, dataset.targets).astype(np.int64)
