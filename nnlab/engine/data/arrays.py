"""Validation of a user's arrays and their conversion to a `Dataset`.

Examples are [n, features] or images [n, height, width], [n, channels, height, width] or [n,
height, width, channels] with 1, 3 or 4 channels. Targets are [n]: whole numbers and texts are
classes, floats are regression targets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset, has_one_value
from nnlab.errors import DataError

MAX_CLASSES = 1000
SPLIT_NAMES = ("train", "val", "test")

_CHANNELS = (1, 3, 4)
_CHECKED_ROWS = 4096


@dataclass(frozen=True, slots=True)
class LabelledArrays:
    """The examples and targets of one split, and the user's names for them."""

    x: NDArray[Any]
    y: NDArray[Any]
    x_name: str
    y_name: str


def build_dataset(
    name: str,
    source: str,
    parts: Mapping[str, LabelledArrays],
    version: str | None,
    join: Callable[[Sequence[NDArray[Any]]], Any] = np.concatenate,
) -> Dataset:
    """A data set from the arrays of `train` and optionally `val` and `test`.

    Args:
        name: name of the data set.
        source: the file or function that the arrays come from, for messages.
        parts: the arrays of each split; `val` and `test` become the provided splits.
        version: SHA-256 of the source.
        join: joins the examples of the splits.

    Raises:
        DataError: a shape, type or value is not supported.
    """
    present = [parts[part] for part in SPLIT_NAMES if part in parts]
    examples = [_check_examples(source, pair) for pair in present]
    targets = [
        _check_targets(source, pair, len(x)) for pair, x in zip(present, examples, strict=True)
    ]
    for pair, x in zip(present[1:], examples[1:], strict=True):
        if x.shape[1:] != examples[0].shape[1:]:
            raise DataError(
                f"{source}: an example of {pair.x_name} has shape"
                f" {format_shape(x.shape[1:])}, one of {present[0].x_name} has"
                f" {format_shape(examples[0].shape[1:])}"
            )
    labels, classes = _encode_targets(source, present[0].y_name, np.concatenate(targets))
    provided = {part: len(parts[part].y) if part in parts else 0 for part in ("val", "test")}
    return Dataset(
        name,
        "classification" if classes else "regression",
        join(examples),
        labels,
        classes,
        version,
        num_provided_test=provided["test"],
        num_provided_val=provided["val"],
    )


def convert_examples(source: str, x_name: str, x: NDArray[Any]) -> NDArray[Any]:
    """Examples in a dtype and shape of a `Dataset`; numbers that are not finite are kept.

    Args:
        source: the file or function that the array comes from, for messages.
        x_name: the user's name of the array, for messages.
        x: the examples.

    Raises:
        DataError: the type or the shape is not supported.
    """
    if x.dtype.kind not in "bufi":
        raise DataError(f"{source}: {x_name} has the type {x.dtype}, which is not numeric")
    if x.ndim not in (2, 3, 4) or x.size == 0:
        raise DataError(
            f"{source}: {x_name} has shape {format_shape(x.shape)}; it must be [n, features],"
            " [n, height, width] or [n, channels, height, width]"
        )
    return _channels_first(source, x_name, _to_supported_dtype(x))


def _check_examples(source: str, pair: LabelledArrays) -> NDArray[Any]:
    x = convert_examples(source, pair.x_name, pair.x)
    # In parts, because an array in a file may be larger than the memory.
    for begin in range(0, len(x) if x.dtype.kind == "f" else 0, _CHECKED_ROWS):
        part = x[begin : begin + _CHECKED_ROWS]
        if np.isfinite(part).all():
            continue
        index = np.argwhere(~np.isfinite(pair.x[begin : begin + _CHECKED_ROWS]))[0]
        index[0] += begin
        raise DataError(
            f"{source}: {pair.x_name}{format_shape(index)} is {pair.x[tuple(index)]}; nnlab does"
            " not replace invalid values"
        )
    return x


def _to_supported_dtype(x: NDArray[Any]) -> NDArray[Any]:
    """The array in one of the dtypes of a `Dataset`, without loss of precision.

    Numbers in a file keep their type: they are converted when they are read.
    """
    if isinstance(x, np.memmap):
        return x
    if x.dtype in (np.uint8, np.float32, np.float64):
        return x
    if x.dtype.kind == "b":
        return x.astype(np.uint8)
    return x.astype(np.float32 if x.dtype == np.float16 else np.float64)


def _channels_first(source: str, x_name: str, x: NDArray[Any]) -> NDArray[Any]:
    if x.ndim == 2:
        return x
    if x.ndim == 3:
        return x[:, None]
    if x.shape[1] in _CHANNELS:
        return x
    if x.shape[3] in _CHANNELS:
        channels_first = x.transpose(0, 3, 1, 2)
        return channels_first if isinstance(x, np.memmap) else np.ascontiguousarray(channels_first)
    raise DataError(
        f"{source}: {x_name} has shape {format_shape(x.shape)}: images must have 1, 3 or 4"
        " channels, in the second or last dimension"
    )


def _check_targets(source: str, pair: LabelledArrays, count: int) -> NDArray[Any]:
    y = pair.y[:, 0] if pair.y.ndim == 2 and pair.y.shape[1] == 1 else pair.y
    if y.ndim != 1:
        raise DataError(
            f"{source}: {pair.y_name} has shape {format_shape(y.shape)}; it must be [n], with one"
            " class or number for each example"
        )
    if len(y) != count:
        raise DataError(
            f"{source}: {pair.x_name} has {count:,} examples, {pair.y_name} has {len(y):,}"
        )
    if y.dtype.kind not in "bufiUS":
        raise DataError(
            f"{source}: {pair.y_name} has the type {y.dtype}, which is neither numeric nor text"
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        index = int(np.flatnonzero(~np.isfinite(y))[0])
        raise DataError(f"{source}: {pair.y_name}[{index}] is {y[index]}")
    return y


def _encode_targets(
    source: str, y_name: str, y: NDArray[Any]
) -> tuple[NDArray[Any], tuple[str, ...]]:
    if y.dtype.kind == "f":
        numbers = y.astype(np.float64)
        if has_one_value(numbers):
            raise DataError(f"{source}: {y_name} has only one value: {y[0]}")
        return numbers, ()
    values, labels = np.unique(y, return_inverse=True)
    if len(values) < 2:
        raise DataError(f"{source}: {y_name} has only one class: {values[0]}")
    if len(values) > MAX_CLASSES:
        raise DataError(
            f"{source}: {y_name} has {len(values):,} different values, at most"
            f" {MAX_CLASSES:,} classes are allowed",
            hint="whole numbers are classes; store regression targets as floats",
        )
    names = (
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in values
    )
    return labels.reshape(-1).astype(np.int64), tuple(names)


def format_shape(shape: Any) -> str:
    """A shape or an index as text, such as `[2, 3]`."""
    return f"[{', '.join(str(int(size)) for size in shape)}]"
