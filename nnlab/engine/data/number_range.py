"""Checks that the numbers of a data set are not too large for their preprocessing."""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError
from nnlab.settings.column_names import format_column_names

_MAX_LISTED = 3
# Half of the largest float64: the difference of two such numbers does not overflow.
_LARGEST_SUM = float(np.finfo(np.float64).max) / 2


def check_sums(dataset: Dataset) -> None:
    """Checks that means and differences of the numbers of a data set can be computed in float64.

    Raises:
        DataError: they overflow; the message names the columns and their values.
    """
    features = _float_features(dataset)
    if features is not None:
        columns = _overflowing_columns(features)
        if len(columns):
            raise _features_error(dataset, features, columns, "for their mean to be computed")
    if dataset.task == "regression" and len(_overflowing_columns(_targets(dataset))):
        raise _targets_error(dataset, "for their mean to be computed")


def check_prepared(
    dataset: Dataset, rows: NDArray[np.int64], prepared: NDArray[np.floating], inputs: str
) -> None:
    """Checks that preprocessing leads to finite examples in their number format.

    Args:
        dataset: before preprocessing.
        rows: the rows of a split.
        prepared: the examples of these rows after preprocessing.
        inputs: the value of `--inputs`.

    Raises:
        DataError: a number is infinite or NaN; the message names its column and values.
    """
    features = _float_features(dataset)
    # Both are NaN if an element is, and need no array of the size of the examples.
    if features is None or not prepared.size:
        return
    if np.isfinite(prepared.min()) and np.isfinite(prepared.max()):
        return
    finite = np.isfinite(prepared.reshape(len(rows), -1)).all(axis=0)
    raise _features_error(
        dataset,
        features[rows],
        np.flatnonzero(~finite),
        f"for --inputs {inputs} and {prepared.dtype} numbers",
    )


def largest_target(dtype: DTypeLike, count: int) -> float:
    """The largest standardised target for which the mean of `count` squared errors is finite."""
    return math.sqrt(float(np.finfo(dtype).max) / max(count, 1))


def check_prepared_targets(dataset: Dataset, prepared: NDArray[Any], dtype: DTypeLike) -> None:
    """Checks that squared errors of standardised targets are finite in their number format.

    Raises:
        DataError: one is NaN, or exceeds `largest_target`.
    """
    if not (np.abs(prepared) <= largest_target(dtype, len(prepared))).all():
        raise _targets_error(dataset, "to be standardised on the training split")


def _float_features(dataset: Dataset) -> NDArray[np.floating] | None:
    """The examples [n, features]; None for whole numbers, which cannot be too large."""
    examples = dataset.examples
    if examples.dtype.kind != "f" or not examples.size:
        return None
    features: NDArray[np.floating] = examples.reshape(len(examples), -1)
    return features


def _overflowing_columns(numbers: NDArray[np.floating]) -> NDArray[np.int64]:
    """The columns whose sum of absolute values overflows in float64."""
    limit = _LARGEST_SUM / len(numbers)
    # All numbers at once first, which is much faster than column by column; false if one is NaN.
    if max(abs(float(numbers.min())), abs(float(numbers.max()))) <= limit:
        return np.empty(0, np.int64)
    columns = np.flatnonzero(_largest(numbers) > limit)
    with np.errstate(over="ignore"):
        sums = np.nansum(np.abs(numbers[:, columns]), axis=0, dtype=np.float64)
    overflowing: NDArray[np.int64] = columns[sums > _LARGEST_SUM]
    return overflowing


def _targets(dataset: Dataset) -> NDArray[np.float64]:
    return np.asarray(dataset.targets, np.float64).reshape(-1, 1)


def _largest(numbers: NDArray[np.floating]) -> NDArray[np.float64]:
    """The largest absolute value of each column [c]; NaN, a missing value, does not count."""
    low, high = np.fmin.reduce(numbers, axis=0), np.fmax.reduce(numbers, axis=0)
    largest: NDArray[np.float64] = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    return largest


def _features_error(
    dataset: Dataset, numbers: NDArray[np.floating], columns: NDArray[np.int64], purpose: str
) -> DataError:
    owners = [column.name for column in dataset.columns for _ in column.feature_names]
    kind = "column" if owners else "feature"
    descriptions, names = [], []
    for index in columns.tolist():
        name = owners[index] if owners else str(index)
        if name not in names:
            names.append(name)
            shown = f"'{name}'" if owners else name
            descriptions.append(f"{kind} {shown} has {_describe_range(numbers[:, index])}")
    more = len(descriptions) - _MAX_LISTED
    listed = "; ".join(descriptions[:_MAX_LISTED]) + (f"; and {more} more" if more > 0 else "")
    drop = f", or --drop-columns {format_column_names(names)}" if owners else ""
    return DataError(
        f"{dataset.name}: {listed}: too large {purpose}",
        hint=f"correct these values, divide them by a constant{drop}",
    )


def _targets_error(dataset: Dataset, purpose: str) -> DataError:
    name = f" of column '{dataset.target_name}'" if dataset.target_name else ""
    values = _describe_range(_targets(dataset)[:, 0])
    return DataError(
        f"{dataset.name}: the targets{name} have {values}: too large {purpose}",
        hint="correct these values, or divide them by a constant",
    )


def _describe_range(numbers: NDArray[np.floating]) -> str:
    low, high = float(np.fmin.reduce(numbers)), float(np.fmax.reduce(numbers))
    return f"the value {low:.4g}" if low == high else f"values from {low:.4g} to {high:.4g}"
