"""Embedded columns of a table: their features, the categories to learn, and the vectors' length."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset, FeatureColumn

MAX_EMBEDDING_SIZE = 600


def index_features(columns: Sequence[FeatureColumn]) -> list[bool]:
    """Whether each feature of the columns is the index of an embedded category."""
    return [column.encoding == "embed" for column in columns for _ in column.feature_names]


def default_embedding_size(categories: int) -> int:
    """The length of the vectors for a number of categories: the rule of fastai (Howard 2018).

    >>> [default_embedding_size(n) for n in (2, 10, 100, 10_000, 1_000_000)]
    [2, 6, 21, 278, 600]
    """
    return max(1, min(MAX_EMBEDDING_SIZE, round(1.6 * math.pow(categories, 0.56))))


def keep_trained_categories(dataset: Dataset, train: NDArray[np.int64]) -> Dataset:
    """The data set whose embedded columns have the categories of the training split only.

    The vector of another category would keep its random initial values; such categories have
    index 0 instead, like those that are first seen in new data.

    Args:
        dataset: a data set.
        train: the rows of the training split, [n].
    """
    is_index = index_features(dataset.columns)
    if not any(is_index):
        return dataset
    examples = dataset.examples.copy()
    columns: list[FeatureColumn] = []
    start = 0
    for column in dataset.columns:
        if column.encoding == "embed":
            column, examples[:, start] = _restricted(column, examples[:, start], train)
        columns.append(column)
        start += len(column.feature_names)
    return replace(dataset, examples=examples, columns=tuple(columns))


def _restricted(
    column: FeatureColumn, indices: NDArray[np.float64], train: NDArray[np.int64]
) -> tuple[FeatureColumn, NDArray[np.int64]]:
    """A column with the categories of the training rows, and the indices [n] of all rows."""
    occurs = np.zeros(column.num_embeddings, bool)
    occurs[indices[train].astype(np.int64)] = True
    # Kept without an example, because it is the last one by definition.
    occurs[-1] |= column.missing_category
    occurs[0] = False
    new_indices = np.where(occurs, np.cumsum(occurs), 0)
    values = tuple(value for value, kept in zip(column.values, occurs[1:], strict=True) if kept)
    size = column.embedding_size or default_embedding_size(len(values))
    return replace(column, values=values, embedding_size=size), new_indices[
        indices.astype(np.int64)
    ]
