"""Missing values of a table, replaced by the medians of the training split."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset, FeatureColumn
from nnlab.errors import DataError


def fill_missing_values(dataset: Dataset, train: NDArray[np.int64]) -> Dataset:
    """The data set without NaN; its columns have the medians that new examples need too.

    Args:
        dataset: a data set; only columns with `fill` have missing values.
        train: the rows of the training split, [n].

    Raises:
        DataError: all values of a column are missing in the training split.
    """
    if not any(column.fill for column in dataset.columns):
        return dataset
    # A file on the disk is private to this process, and may be larger than the memory.
    is_file = isinstance(dataset.examples, np.memmap)
    examples = dataset.examples if is_file else dataset.examples.copy()
    columns: list[FeatureColumn] = []
    start = 0
    for column in dataset.columns:
        part = examples[:, start : start + len(column.value_names)]
        start += len(column.feature_names)
        if column.fill:
            column = replace(column, fill=_medians(dataset, column, part[train]))
            np.copyto(part, np.array(column.fill), where=np.isnan(part))
        columns.append(column)
    return replace(dataset, examples=examples, columns=tuple(columns))


def _medians(
    dataset: Dataset, column: FeatureColumn, values: NDArray[np.float64]
) -> tuple[float, ...]:
    present = values[~np.isnan(values).any(axis=1)]
    if not len(present):
        raise DataError(
            f"{dataset.name}: all values of column '{column.name}' are missing in the training"
            " split",
            hint=f"--drop-columns {column.name}",
        )
    return tuple(np.median(present, axis=0).tolist())
