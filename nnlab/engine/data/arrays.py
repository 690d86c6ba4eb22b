"""From arrays that a user made to a data set: checked, and told what they are.

Examples are [n, features] or images [n, height, width], [n, channels, height, width] or [n,
height, width, channels] with 1, 3 or 4 channels. Targets are [n]: whole numbers and texts are
classes, floats are regressed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset, has_one_value
from nnlab.errors import DataError

MAX_CLASSES = 1000
SPLIT_NAMES = ("train", "val", "test")

_CHANNELS = (1, 3, 4)


@dataclass(frozen=True, slots=True)
class LabelledArrays:
    """Examples and targets of one part, and what their owner calls them."""

    x: NDArray[Any]
    y: NDArray[Any]
    x_name: str
    y_name: str


def build_dataset(
    name: str, source: str, parts: Mapping[str, LabelledArrays], version: str | None
) -> Dataset:
    """One data set from a part `train` and perhaps a `val` and a `test`.

    Args:
        name: of the data set.
        source: where the arrays come from, for messages: a file, a function.
        parts: by their names; those beside `train` are the set's own splits.
        version: SHA-256 of the source.

    Raises:
        DataError: shapes, types or values that cannot be trained on.
    """
    present = [parts[part] for part in SPLIT_NAMES if part in parts]
    examples = [_check_examples(source, pair) for pair in present]
    targets = [
        _check_targets(source, pair, len(x)) for pair, x in zip(present, examples, strict=True)
    ]
    for pair, x in zip(present[1:], examples[1:], strict=True):
        if x.shape[1:] != examples[0].shape[1:]:
            raise DataError(
                f"{source}: an example of {pair.x_name} has shape {_format_shape(x.shape[1:])}, one of"
                f" {present[0].x_name} has {_format_shape(examples[0].shape[1:])}"
            )
    labels, classes = _encode_targets(source, present[0].y_name, np.concatenate(targets))
    own = {part: len(parts[part].y) if part in parts else 0 for part in ("val", "test")}
    return Dataset(
        name,
        "classification" if classes else "regression",
        np.concatenate(examples),
        labels,
        classes,
        version,
        own_test=own["test"],
        own_val=own["val"],
    )


def _check_examples(source: str, pair: LabelledArrays) -> NDArray[Any]:
    x = pair.x
    if x.dtype.kind not in "bufi":
        raise DataError(f"{source}: {pair.x_name} holds {x.dtype}, not numbers")
    if x.ndim not in (2, 3, 4) or x.size == 0:
        raise DataError(
            f"{source}: {pair.x_name} has shape {_format_shape(x.shape)}; [n, features], [n, height,"
            " width] or [n, channels, height, width] is needed"
        )
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        at = np.argwhere(~np.isfinite(x))[0]
        raise DataError(
            f"{source}: {pair.x_name}{_format_shape(at)} is {x[tuple(at)]}; nnlab does not guess values"
        )
    return _channels_first(source, pair, _to_supported_dtype(x))


def _to_supported_dtype(x: NDArray[Any]) -> NDArray[Any]:
    """In one of the number formats of a data set, without loss."""
    if x.dtype in (np.uint8, np.float32, np.float64):
        return x
    if x.dtype.kind == "b":
        return x.astype(np.uint8)
    return x.astype(np.float32 if x.dtype == np.float16 else np.float64)


def _channels_first(source: str, pair: LabelledArrays, x: NDArray[Any]) -> NDArray[Any]:
    if x.ndim == 2:
        return x
    if x.ndim == 3:
        return x[:, None]
    if x.shape[1] in _CHANNELS:
        return x
    if x.shape[3] in _CHANNELS:
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    raise DataError(
        f"{source}: {pair.x_name} has shape {_format_shape(x.shape)}: images have 1, 3 or 4 channels,"
        " second or last"
    )


def _check_targets(source: str, pair: LabelledArrays, count: int) -> NDArray[Any]:
    y = pair.y[:, 0] if pair.y.ndim == 2 and pair.y.shape[1] == 1 else pair.y
    if y.ndim != 1:
        raise DataError(
            f"{source}: {pair.y_name} has shape {_format_shape(y.shape)}; one class or number for each"
            " example is needed, [n]"
        )
    if len(y) != count:
        raise DataError(
            f"{source}: {pair.x_name} has {count:,} examples, {pair.y_name} has {len(y):,}"
        )
    if y.dtype.kind not in "bufiUS":
        raise DataError(f"{source}: {pair.y_name} holds {y.dtype}, neither numbers nor texts")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        at = int(np.flatnonzero(~np.isfinite(y))[0])
        raise DataError(f"{source}: {pair.y_name}[{at}] is {y[at]}")
    return y


def _encode_targets(
    source: str, y_name: str, y: NDArray[Any]
) -> tuple[NDArray[Any], tuple[str, ...]]:
    if y.dtype.kind == "f":
        numbers = y.astype(np.float64)
        if has_one_value(numbers):
            raise DataError(f"{source}: {y_name} holds one value only: {y[0]}")
        return numbers, ()
    values, places = np.unique(y, return_inverse=True)
    if len(values) < 2:
        raise DataError(f"{source}: {y_name} holds one class only: {values[0]}")
    if len(values) > MAX_CLASSES:
        raise DataError(
            f"{source}: {y_name} has {len(values):,} different values, more than"
            f" {MAX_CLASSES:,} classes",
            hint="whole numbers are classes; store numbers to regress as floats",
        )
    names = (v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values)
    return places.reshape(-1).astype(np.int64), tuple(names)


def _format_shape(shape: Any) -> str:
    return f"[{', '.join(str(int(size)) for size in shape)}]"
