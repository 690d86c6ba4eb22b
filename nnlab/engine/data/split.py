"""The stratified split into train, val and test, seeded independently of the run's seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError


@dataclass(frozen=True, slots=True)
class SplitRows:
    """The rows of each split: int64, ascending, disjoint; together they are all rows."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


def draw_splits(dataset: Dataset, *, val: float, test: float | None, seed: int) -> SplitRows:
    """Draws the splits, stratified by class or, for regression, by decile of the targets.

    Splits that come with the data set are kept; the others are drawn from the remaining rows.

    Args:
        dataset: the data set.
        val: share of the remaining rows for validation, in (0, 1).
        test: share for the test split, in (0, 1); ignored if the data set has a test split.
        seed: seed of the draw.

    Raises:
        DataError: a split would be empty.
    """
    total = len(dataset.targets)
    count = total - dataset.num_provided_test - dataset.num_provided_val
    rng = np.random.Generator(np.random.PCG64(seed))
    order = rng.permutation(count)
    # Sorting by stratum (stable, after a shuffle) and taking evenly spaced rows gives each split
    # its share of every stratum to within one example, and the totals exactly.
    stratified_order = order[
        np.argsort(strata(dataset, dataset.targets[:count])[order], kind="stable")
    ]
    split_codes = np.zeros(count, np.int8)
    shares = (
        (1, 0.0 if dataset.num_provided_test else test or 0.0),
        (2, 0.0 if dataset.num_provided_val else val),
    )
    for code, share in shares:
        unassigned = np.flatnonzero(split_codes == 0)
        split_codes[unassigned[_evenly_spaced(len(unassigned), round(share * count))]] = code
    train, drawn_val, drawn_test = (
        np.sort(stratified_order[split_codes == code]) for code in (0, 2, 1)
    )
    provided_val = np.arange(count, count + dataset.num_provided_val)
    provided_test = np.arange(total - dataset.num_provided_test, total)
    parts = SplitRows(
        train,
        provided_val if dataset.num_provided_val else drawn_val,
        provided_test if dataset.num_provided_test else drawn_test,
    )
    for name, rows in (("train", parts.train), ("val", parts.val), ("test", parts.test)):
        if len(rows) == 0:
            raise DataError(
                f"{dataset.name} has too few examples ({count}): the {name} split would be empty",
                hint="add examples, or raise --val-fraction and --test-fraction",
            )
    return parts


def _evenly_spaced(count: int, size: int) -> NDArray[np.int64]:
    """`size` evenly spaced indices from 0 to `count` - 1."""
    return ((np.arange(size) + 0.5) * count / max(size, 1)).astype(np.int64)


def strata(dataset: Dataset, targets: NDArray[np.generic]) -> NDArray[np.int64]:
    """The stratum of each target: its class, or the decile of a number."""
    if dataset.task == "classification":
        return np.asarray(targets, np.int64)
    numbers = np.asarray(targets, np.float64)
    edges = np.quantile(numbers, np.linspace(0, 1, 11)[1:-1])
    return np.searchsorted(edges, numbers).astype(np.int64)
