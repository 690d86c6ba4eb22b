"""Features of the cells of one column: the same for the training and for predictions."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import FeatureColumn
from nnlab.engine.data.dates import date_features, parse_date
from nnlab.engine.data.table_columns import CellColumn, is_missing
from nnlab.settings.numbers import parse_number

# What is wrong with a cell.
VALID, MISSING, INVALID, UNSEEN = range(4)
# The name of the category of missing values.
MISSING_CATEGORY = "(missing)"

_BOOLEANS = {
    "yes": 1.0,
    "y": 1.0,
    "true": 1.0,
    "t": 1.0,
    "no": 0.0,
    "n": 0.0,
    "false": 0.0,
    "f": 0.0,
}


@dataclass(frozen=True, slots=True)
class EncodedCells:
    """Features [n, width] of n cells, and for each cell [n] one of the codes above.

    The features of a cell that is not valid are 0, or those of no category.
    """

    features: NDArray[np.float64]
    status: NDArray[np.int8]


def parse_boolean(text: str) -> float | None:
    """1 for `yes`, `true` and `t`, 0 for `no`, `false` and `f`, otherwise None."""
    return _BOOLEANS.get(text.lower())


def hash_bucket(text: str, buckets: int) -> int:
    """The feature of a text in a hashed column: the same on every machine.

    >>> hash_bucket("Paris", 50) == hash_bucket("Paris", 50)
    True
    """
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big") % buckets


def encode_texts(column: FeatureColumn, texts: Sequence[str]) -> EncodedCells:
    """The features of texts, such as the cells of a column or its distinct texts."""
    if column.is_categorical:
        features, status = _encode_categories(column, texts)
    else:
        features, status = _encode_numbers(column, texts)
    return _complete(column, features, status)


def encode_column(column: FeatureColumn, cells: CellColumn) -> EncodedCells:
    """The features of all rows of a column."""
    if column.encoding == "plain" and not column.values:
        numbers = cells.values
        faults = np.isnan(numbers)
        status = np.zeros(len(cells), np.int8)
        if faults.any():
            numbers = np.where(faults, 0.0, numbers)
            status[faults] = INVALID
            status[cells.missing_rows] = MISSING
        return _complete(column, numbers[:, None], status)
    cells = cells.with_texts()
    distinct = encode_texts(column, cells.texts)
    return EncodedCells(distinct.features[cells.codes], distinct.status[cells.codes])


def _encode_numbers(
    column: FeatureColumn, texts: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    if column.encoding in ("date", "date_parts"):
        times = [parse_date(text, column.date_order) for text in texts]
        features = date_features(times, parts=column.encoding == "date_parts")
    else:
        parse = parse_boolean if column.encoding == "boolean" else parse_number
        numbers = [parse(text) for text in texts]
        features = np.array([np.nan if n is None else n for n in numbers], np.float64)[:, None]
    faults = np.isnan(features).any(axis=1)
    status = np.zeros(len(texts), np.int8)
    for row in np.flatnonzero(faults).tolist():
        status[row] = MISSING if is_missing(texts[row]) else INVALID
    features[faults] = 0.0
    return features, status


def _encode_categories(
    column: FeatureColumn, texts: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    width = column.buckets if column.encoding == "hash" else len(column.values)
    is_embedded = column.encoding == "embed"
    features = np.zeros((len(texts), 1 if is_embedded else width))
    status = np.zeros(len(texts), np.int8)
    categories = column.values[:-1] if column.missing_category else column.values
    indices = {value: index for index, value in enumerate(categories)}
    for row, text in enumerate(texts):
        index = indices.get(text)
        if index is None and is_missing(text):
            if not column.missing_category:
                status[row] = MISSING
                continue
            index = width - 1
        if index is None and column.encoding == "hash":
            index = hash_bucket(text, width - column.missing_category)
        if index is None:
            status[row] = UNSEEN
        elif is_embedded:
            features[row, 0] = index + 1  # 0 is an unknown category
        else:
            features[row, index] = 1.0
    return features, status


def _complete(
    column: FeatureColumn, features: NDArray[np.float64], status: NDArray[np.int8]
) -> EncodedCells:
    """Missing values replaced by `fill`, and the indicator added."""
    missing = status == MISSING
    if column.fill:
        features = np.where(missing[:, None], np.array(column.fill), features)
        status = np.where(missing, VALID, status).astype(np.int8)
    if column.indicator:
        features = np.concatenate((features, missing[:, None].astype(np.float64)), axis=1)
    return EncodedCells(features, status)
