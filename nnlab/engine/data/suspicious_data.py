"""Detection of suspicious properties of a data set: identifier columns, classes with one row.

They are determined before splitting. `nnlab data show` lists their names, and each run stores the
counts.
"""

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset

# A short column may increase by chance; the chance for ten rows is one in 3.6 million.
_MIN_ROWS = 10


def single_row_classes(dataset: Dataset) -> tuple[str, ...]:
    """The names of classes with one row in the whole data set: only one split can contain them."""
    if dataset.task != "classification":
        return ()
    counts = np.bincount(np.asarray(dataset.targets, np.int64), minlength=len(dataset.classes))
    return tuple(name for name, count in zip(dataset.classes, counts, strict=True) if count == 1)


def id_columns(dataset: Dataset) -> tuple[str, ...]:
    """The columns of a table that identify its rows: increasing whole numbers, or unique texts.

    A table with a single column has no identifiers, because the target depends on that column.
    """
    if len(dataset.columns) < 2 or len(dataset.examples) < _MIN_ROWS:
        return ()
    names, start = [], 0
    for column in dataset.columns:
        width = len(column.feature_names)
        cells = dataset.examples[:, start : start + width]
        start += width
        if column.encoding == "embed":
            present = cells[cells > 0]  # 0: not in the training split
            if len(present) == len(np.unique(present)) >= _MIN_ROWS / 2:
                names.append(column.name)
            continue
        if column.encoding != "plain":
            continue
        is_identifier = width == len(cells) if column.values else _is_increasing(cells[:, 0])
        if is_identifier:
            names.append(column.name)
    return tuple(names)


def ordered_dates(dataset: Dataset) -> tuple[str, ...]:
    """The columns with dates in whose order the rows of a table are."""
    names, start = [], 0
    for column in dataset.columns:
        width = len(column.feature_names)
        cells = dataset.examples[:, start : start + width]
        start += width
        if column.encoding == "date_parts" and not column.indicator:
            # Days are counted from the year, the month and the day; the weekday adds nothing.
            cells = cells[:, 0] * 372 + cells[:, 1] * 31 + cells[:, 2] + cells[:, 4] / 24
        elif column.encoding == "date" and not column.indicator:
            cells = cells[:, 0]
        else:
            continue
        steps = np.diff(cells)
        if (steps >= 0).all() and (steps > 0).sum() >= _MIN_ROWS:
            names.append(column.name)
    return tuple(names)


def _is_increasing(values: NDArray[np.float64]) -> bool:
    """Whether values are whole numbers, each larger than the one before it."""
    return bool((values == np.floor(values)).all() and (np.diff(values) > 0).all())


def count_suspicious(dataset: Dataset) -> dict[str, float]:
    """The counts by metric name without `data/`, as far as they apply to the data set."""
    counts = {}
    if dataset.task == "classification":
        counts["single_row_classes"] = float(len(single_row_classes(dataset)))
    if dataset.columns:
        counts["id_columns"] = float(len(id_columns(dataset)))
    return counts
