"""The stratified split into train, val and test, seeded independently of the run's seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError

TRAIN, VAL, TEST = 0, 1, 2


@dataclass(frozen=True, slots=True)
class SplitRows:
    """The rows of each split: int64, ascending, disjoint; together they are all rows."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


def draw_split_codes(
    dataset: Dataset, *, val: float, test: float, seed: int, stratify_by: tuple[str, ...] = ()
) -> NDArray[np.int8]:
    """Draws the split of each row, stratified by class or, for numbers, by decile of the targets.

    Args:
        dataset: the data set; rows of splits that come with it are left out.
        val: share of these rows for validation, in [0, 1).
        test: share of these rows for the test split, in [0, 1).
        seed: seed of the draw.
        stratify_by: columns of the data set that are stratified too.

    Returns:
        TRAIN, VAL or TEST for each of the first `num_drawn_rows` rows.
    """
    order = _stratified_order(dataset, seed, stratify_by)
    split_codes = np.full(len(order), TRAIN, np.int8)
    for code, share in ((TEST, test), (VAL, val)):
        unassigned = np.flatnonzero(split_codes == TRAIN)
        chosen = _evenly_spaced(len(unassigned), round(share * len(order)))
        split_codes[unassigned[chosen]] = code
    codes = np.empty_like(split_codes)
    codes[order] = split_codes
    return codes


def draw_folds(
    dataset: Dataset,
    codes: NDArray[np.int8],
    *,
    folds: int,
    seed: int,
    stratify_by: tuple[str, ...],
) -> NDArray[np.int64]:
    """The fold of each row, stratified as by `draw_split_codes`; -1 in the test split.

    Args:
        dataset: the data set.
        codes: the split of each row, [n]; all that matters is which rows are the test split.
        folds: the number of folds.
        seed: seed of the draw.
        stratify_by: columns of the data set that are stratified too.
    """
    order = _stratified_order(dataset, seed, stratify_by)
    order = order[codes[order] != TEST]
    fold = np.full(len(codes), -1, np.int64)
    fold[order] = np.arange(len(order)) % folds
    return fold


def num_drawn_rows(dataset: Dataset) -> int:
    """The number of rows that belong to no split that comes with the data set; they come first."""
    return len(dataset) - dataset.num_provided_test - dataset.num_provided_val


def split_rows(dataset: Dataset, codes: NDArray[np.int8]) -> SplitRows:
    """The rows of each split: those of the codes, and the splits that come with the data set.

    Args:
        dataset: the data set.
        codes: the split of each of the first `num_drawn_rows` rows.

    Raises:
        DataError: a split would be empty.
    """
    total, count = len(dataset), num_drawn_rows(dataset)
    train, drawn_val, drawn_test = (np.flatnonzero(codes == code) for code in (TRAIN, VAL, TEST))
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


def _stratified_order(
    dataset: Dataset, seed: int, stratify_by: tuple[str, ...]
) -> NDArray[np.int64]:
    """The rows sorted by stratum, in random order within each.

    Taking evenly spaced rows of it gives each split its share of every stratum to within one
    example, and the totals exactly.
    """
    count = num_drawn_rows(dataset)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(count)
    codes = strata(dataset, np.arange(count))
    for name in stratify_by:
        _, column = np.unique(dataset.split_cells[name][:count], return_inverse=True)
        combined = codes * (int(column.max()) + 1) + column.reshape(-1)
        codes = np.unique(combined, return_inverse=True)[1].reshape(-1)
    return order[np.argsort(codes[order], kind="stable")]


def _evenly_spaced(count: int, size: int) -> NDArray[np.int64]:
    """`size` evenly spaced indices from 0 to `count` - 1."""
    return ((np.arange(size) + 0.5) * count / max(size, 1)).astype(np.int64)


def strata(dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The stratum of each of some rows.

    It is the class, the decile of a number or of the mean of several standardised numbers, or the
    combination of tags. Rows of other kinds of targets have one stratum.
    """
    if dataset.task == "classification":
        return np.asarray(dataset.target_array[rows], np.int64)
    if dataset.task == "multilabel":
        tags = dataset.target_array[rows]
        return np.unique(tags, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    if dataset.task != "regression":
        return np.zeros(len(rows), np.int64)
    numbers = np.asarray(dataset.target_array[rows], np.float64)
    if numbers.ndim == 2:
        sd = numbers.std(axis=0)
        numbers = ((numbers - numbers.mean(axis=0)) / np.where(sd > 0, sd, 1.0)).mean(axis=1)
    edges = np.quantile(numbers, np.linspace(0, 1, 11)[1:-1])
    return np.searchsorted(edges, numbers).astype(np.int64)
