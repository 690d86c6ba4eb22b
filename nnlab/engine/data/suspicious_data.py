"""What a data set should be asked about before it is trained on: identifiers, single-row classes.

Measured on the set as it was read; `nnlab data show` names what is found, a run stores the counts.
"""

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset

# A short column increases by chance; ten rows in order are one of 3.6 million orders.
_MIN_ROWS = 10


def single_row_classes(dataset: Dataset) -> tuple[str, ...]:
    """The classes that have one row in the whole set: no two splits can both have them."""
    if dataset.task != "classification":
        return ()
    counts = np.bincount(np.asarray(dataset.targets, np.int64), minlength=len(dataset.classes))
    return tuple(name for name, count in zip(dataset.classes, counts, strict=True) if count == 1)


def id_columns(dataset: Dataset) -> tuple[str, ...]:
    """The columns of a table that number its rows: whole numbers that increase, or unique texts.

    The only column of a table is none: there it is what the target depends on.
    """
    if len(dataset.columns) < 2 or len(dataset.examples) < _MIN_ROWS:
        return ()
    names, start = [], 0
    for column in dataset.columns:
        width = len(column.features)
        cells = dataset.examples[:, start : start + width]
        start += width
        unique = width == len(cells) if column.values else _is_increasing(cells[:, 0])
        if unique:
            names.append(column.name)
    return tuple(names)


def _is_increasing(values: NDArray[np.float64]) -> bool:
    """Whether values are whole numbers, each larger than the one before it."""
    return bool((values == np.floor(values)).all() and (np.diff(values) > 0).all())


def count_suspicious(dataset: Dataset) -> dict[str, float]:
    """How many there are, by the name of the metric after `data/`; only what can be measured."""
    counts = {}
    if dataset.task == "classification":
        counts["single_row_classes"] = float(len(single_row_classes(dataset)))
    if dataset.columns:
        counts["id_columns"] = float(len(id_columns(dataset)))
    return counts
