"""Validation of a user's arrays and their conversion to a `Dataset`.

Examples are [n, features] or images [n, height, width], [n, channels, height, width] or [n,
height, width, channels] with 1, 3 or 4 channels, or tokens [n, tokens]. Targets [n] are classes if
they are whole numbers or texts, and numbers if they are floats. `array_task` has the other kinds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import DENSE_TASKS, Task
from nnlab.engine.data.array_targets import (
    check_counted,
    encode_targets,
    encode_tokens,
    ignore_padding,
)
from nnlab.engine.data.array_task import ArrayProperties, infer_task
from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError

SPLIT_NAMES = ("train", "val", "test")

_CHANNELS = (1, 3, 4)
_CHECKED_ROWS = 4096
_NO_PROPERTIES = ArrayProperties()


@dataclass(frozen=True, slots=True)
class LabelledArrays:
    """The examples and targets of one split, and the user's names for them.

    There are no targets if the input is the target, or if the next token is.
    """

    x: NDArray[Any]
    y: NDArray[Any] | None
    x_name: str
    y_name: str


def build_dataset(
    name: str,
    source: str,
    parts: Mapping[str, LabelledArrays],
    version: str | None,
    *,
    task: Task | None = None,
    properties: ArrayProperties = _NO_PROPERTIES,
    join: Callable[[Sequence[NDArray[Any]]], Any] = np.concatenate,
) -> Dataset:
    """A data set from the arrays of `train` and optionally `val` and `test`.

    Args:
        name: name of the data set.
        source: the file or function that the arrays come from, for messages.
        parts: the arrays of each split; `val` and `test` become the provided splits.
        version: SHA-256 of the source.
        task: the kind of targets as chosen by the user; None to infer it.
        properties: names that come with the arrays.
        join: joins the examples of the splits.

    Raises:
        DataError: a shape, type or value is not supported.
    """
    present = [parts[part] for part in SPLIT_NAMES if part in parts]
    task = infer_task(source, present[0].x, present[0].y, task, properties)
    if task == "reconstruction":
        present = [replace(pair, y=None) for pair in present]
    elif task == "language_modeling":
        present = [_with_next_tokens(pair) for pair in present]
    targets = [_check_targets(source, pair) for pair in present if pair.y is not None]
    if 0 < len(targets) < len(present):
        raise DataError(f"{source}: only some of the splits have targets")
    labels: NDArray[Any] | None = None
    classes: tuple[str, ...] = ()
    if targets:
        labels, classes = encode_targets(
            source, present[0].y_name, _concatenate(source, "targets", targets), task, properties
        )
    examples, vocabulary = _join_examples(source, present, labels, task, properties, join)
    if vocabulary and labels is not None:
        labels = ignore_padding(labels, examples, task, properties.pad_token)
    if task in DENSE_TASKS and labels is not None:
        _check_same_size(source, present[0], examples, labels, task)
        check_counted(source, present[0].y_name, labels)
    provided = {part: len(parts[part].x) if part in parts else 0 for part in ("val", "test")}
    return Dataset(
        name,
        task,
        examples,
        labels,
        classes,
        version,
        num_provided_test=provided["test"],
        num_provided_val=provided["val"],
        target_names=_target_names(labels, task, properties),
        vocabulary=vocabulary,
        pad_token=properties.pad_token if vocabulary else None,
    )


def _with_next_tokens(pair: LabelledArrays) -> LabelledArrays:
    """The arrays of a language model; without targets, these are the tokens that follow."""
    if pair.y is not None:
        return pair
    return replace(pair, x=pair.x[:, :-1], y=pair.x[:, 1:], y_name=pair.x_name)


def _join_examples(
    source: str,
    present: Sequence[LabelledArrays],
    labels: NDArray[Any] | None,
    task: Task,
    properties: ArrayProperties,
    join: Callable[[Sequence[NDArray[Any]]], Any],
) -> tuple[Any, tuple[str, ...]]:
    """The examples of all splits, and the vocabulary if they are tokens."""
    name = present[0].x_name
    is_tokens = task == "language_modeling" or bool(properties.vocabulary)
    if task == "token_classification" and present[0].x.ndim == 2:
        is_tokens = True
    if not is_tokens and properties.pad_token is None:
        checked = [_check_examples(source, pair) for pair in present]
        for pair, x in zip(present[1:], checked[1:], strict=True):
            if x.shape[1:] != checked[0].shape[1:]:
                raise DataError(
                    f"{source}: an example of {pair.x_name} has shape"
                    f" {format_shape(x.shape[1:])}, one of {name} has"
                    f" {format_shape(checked[0].shape[1:])}"
                )
        return join(checked), ()
    if task in ("reconstruction", "segmentation"):
        raise DataError(f"{source}: --task {task} needs images or numbers; {name} has tokens")
    next_tokens = labels if task == "language_modeling" else None
    tokens = _concatenate(source, "tokens", [pair.x for pair in present])
    return encode_tokens(source, name, tokens, next_tokens, properties)


def _concatenate(source: str, noun: str, arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        listed = ", ".join(sorted(format_shape(shape) for shape in shapes))
        raise DataError(f"{source}: the {noun} of the splits have different shapes: {listed}")
    return np.concatenate(arrays)


def _check_same_size(
    source: str, pair: LabelledArrays, examples: NDArray[Any], labels: NDArray[Any], task: Task
) -> None:
    """Checks that there is one target for each token or pixel."""
    size = examples.shape[2:] if task == "segmentation" else examples.shape[1:2]
    if labels.shape[1:] != size:
        noun = "pixel" if task == "segmentation" else "token"
        raise DataError(
            f"{source}: an example of {pair.x_name} has size {format_shape(size)}, one of"
            f" {pair.y_name} has {format_shape(labels.shape[1:])}; there must be a class for each"
            f" {noun}"
        )


def _target_names(
    labels: NDArray[Any] | None, task: Task, properties: ArrayProperties
) -> tuple[str, ...]:
    """The names of several numbers; their positions if they have none."""
    if labels is None or task != "regression" or labels.ndim == 1:
        return ()
    return properties.target_names or tuple(map(str, range(labels.shape[1])))


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


def _check_targets(source: str, pair: LabelledArrays) -> NDArray[Any]:
    """The targets of one split, [n] or with more dimensions; numbers are finite."""
    if pair.y is None:
        raise DataError(f"{source} has no {pair.y_name}")
    y = pair.y
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    elif y.ndim == 4 and y.shape[1] == 1:
        y = y[:, 0]  # images with one channel
    if y.ndim not in (1, 2, 3):
        raise DataError(
            f"{source}: {pair.y_name} has shape {format_shape(y.shape)}; it must be [n], [n,"
            " targets], [n, tokens] or [n, height, width]"
        )
    if len(y) != len(pair.x):
        raise DataError(
            f"{source}: {pair.x_name} has {len(pair.x):,} examples, {pair.y_name} has {len(y):,}"
        )
    if y.dtype.kind not in "bufiUS":
        raise DataError(
            f"{source}: {pair.y_name} has the type {y.dtype}, which is neither numeric nor text"
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(y))[0])
        raise DataError(f"{source}: {pair.y_name}{format_shape(index)} is {y[index]}")
    return y


def format_shape(shape: Any) -> str:
    """A shape or an index as text, such as `[2, 3]`."""
    return f"[{', '.join(str(int(size)) for size in shape)}]"
