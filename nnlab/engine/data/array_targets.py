"""Targets of a user's arrays, checked and converted to those of a `Dataset`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import Task
from nnlab.engine.data.array_task import ArrayProperties
from nnlab.engine.data.dataset import has_one_value
from nnlab.engine.targets.output_shape import IGNORED_CLASS
from nnlab.errors import DataError

MAX_CLASSES = 1000
# The usual mark of pixels without a class in files of 8-bit images.
_IGNORED_IN_FILES = 255
# The largest vocabulary; a larger id is probably no token.
_MAX_TOKENS = 1_000_000


def encode_targets(
    source: str, name: str, y: NDArray[Any], task: Task, properties: ArrayProperties
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The targets of a `Dataset`, and the names of their classes or tags.

    Args:
        source: the file or function that the array comes from, for messages.
        name: the user's name of the array, for messages.
        y: the targets of all splits, finite numbers or texts.
        task: the kind of targets.
        properties: names that come with the arrays.

    Raises:
        DataError: a value does not fit.
    """
    match task:
        case "regression":
            return _numbers(source, name, y, properties), ()
        case "multilabel":
            return _tags(source, name, y, properties)
        case "token_classification" | "segmentation":
            return _classes_of_positions(source, name, y, properties)
        case "language_modeling":
            # Names of the targets are those of the vocabulary.
            return _whole_numbers(source, name, y, "tokens"), ()
    return _classes(source, name, y, properties)


def encode_tokens(
    source: str,
    name: str,
    x: NDArray[Any],
    next_tokens: NDArray[Any] | None,
    names: ArrayProperties,
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Token ids [n, T] and the names of all ids.

    Args:
        source: the file or function that the array comes from, for messages.
        name: the user's name of the array, for messages.
        x: the tokens.
        next_tokens: targets that are tokens too.
        names: the vocabulary, if it has names, and the padding.

    Raises:
        DataError: they are no tokens, or the vocabulary does not have one of them.
    """
    if x.dtype.kind not in "ui" or x.ndim != 2:
        raise DataError(
            f"{source}: {name} has shape {list(x.shape)} and type {x.dtype}; tokens are whole"
            " numbers [n, tokens]"
        )
    tokens = x.astype(np.int64)
    ids = [tokens] if next_tokens is None else [tokens, next_tokens[next_tokens != IGNORED_CLASS]]
    low, high = min(int(part.min()) for part in ids), max(int(part.max()) for part in ids)
    high = max(high, -1 if names.pad_token is None else names.pad_token)
    size = len(names.vocabulary) or high + 1
    if low < 0 or high >= size or size > _MAX_TOKENS:
        raise DataError(
            f"{source}: the tokens of {name} go from {low} to {high:,}; they must go from 0 to"
            f" {min(size, _MAX_TOKENS) - 1:,}"
        )
    return tokens, names.vocabulary or tuple(map(str, range(size)))


def ignore_padding(
    targets: NDArray[Any], tokens: NDArray[Any], task: Task, pad_token: int | None
) -> NDArray[Any]:
    """Targets of tokens without those of padding: the padded inputs, or the padding as target."""
    if pad_token is None:
        return targets
    padding = tokens if task == "token_classification" else targets
    return np.where(padding == pad_token, IGNORED_CLASS, targets)


def check_counted(source: str, name: str, targets: NDArray[Any]) -> None:
    """Checks that each example has a position that counts: the loss of a batch needs one.

    Raises:
        DataError: an example has none.
    """
    counted = (targets != IGNORED_CLASS).reshape(len(targets), -1).any(axis=1)
    if not counted.all():
        raise DataError(
            f"{source}: {name}[{int(np.flatnonzero(~counted)[0])}] has no target that counts:"
            f" all are {IGNORED_CLASS} or padding ({int((~counted).sum()):,} such examples)",
            hint="leave these examples out",
        )


def _numbers(
    source: str, name: str, y: NDArray[Any], properties: ArrayProperties
) -> NDArray[np.float64]:
    if y.dtype.kind not in "bufi":
        raise DataError(f"{source}: {name} has the type {y.dtype}, which is not numeric")
    numbers = y.astype(np.float64)
    columns = numbers if numbers.ndim == 2 else numbers[:, None]
    _check_name_count(source, "target_names", properties.target_names, columns.shape[1])
    for index, column in enumerate(columns.T):
        if has_one_value(column):
            position = f"[:, {index}]" if columns.shape[1] > 1 else ""
            raise DataError(f"{source}: {name}{position} has only one value: {column[0]}")
    return numbers


def _tags(
    source: str, name: str, y: NDArray[Any], properties: ArrayProperties
) -> tuple[NDArray[Any], tuple[str, ...]]:
    wrong = (y != 0) & (y != 1) if y.dtype.kind in "bufi" else np.ones(y.shape, bool)
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise DataError(f"{source}: {name}{list(index)} is {y[index]!s}; tags are 0 or 1")
    _check_name_count(source, "classes", properties.classes, y.shape[1])
    return y.astype(np.uint8), properties.classes or tuple(map(str, range(y.shape[1])))


def _classes_of_positions(
    source: str, name: str, y: NDArray[Any], properties: ArrayProperties
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Classes of tokens or pixels. They are not numbered anew: a small sample may lack some."""
    classes = _whole_numbers(source, name, y)
    named = len(properties.classes)
    if classes.ndim == 3 and not named > _IGNORED_IN_FILES:
        classes = np.where(classes == _IGNORED_IN_FILES, IGNORED_CLASS, classes)
    counted = classes[classes != IGNORED_CLASS]
    if not counted.size:
        raise DataError(f"{source}: {name} has no target that counts")
    low, high = int(counted.min()), int(counted.max())
    size = named or max(high + 1, 2)
    if low < 0 or high >= size or size > MAX_CLASSES:
        raise DataError(
            f"{source}: the classes in {name} go from {low} to {high:,}; they must go from 0 to"
            f" {min(size, MAX_CLASSES) - 1:,}, or be {IGNORED_CLASS} where none counts"
        )
    return classes, properties.classes or tuple(map(str, range(size)))


def _whole_numbers(
    source: str, name: str, y: NDArray[Any], noun: str = "classes"
) -> NDArray[np.int64]:
    if y.dtype.kind not in "buif" or (y.dtype.kind == "f" and (y != np.floor(y)).any()):
        raise DataError(f"{source}: {name} has the type {y.dtype}; {noun} are whole numbers")
    return y.astype(np.int64)


def _classes(
    source: str, name: str, y: NDArray[Any], properties: ArrayProperties
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Classes [n], numbered by their sorted values; with names, the values are the numbers."""
    if y.dtype.kind == "f":
        y = _whole_numbers(source, name, y)
    values, labels = np.unique(y, return_inverse=True)
    if len(values) < 2:
        raise DataError(f"{source}: {name} has only one class: {values[0]}")
    if len(values) > MAX_CLASSES:
        raise DataError(
            f"{source}: {name} has {len(values):,} different values, at most"
            f" {MAX_CLASSES:,} classes are allowed",
            hint="whole numbers are classes; store regression targets as floats",
        )
    names = tuple(
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in values
    )
    if properties.classes:
        return _named_classes(source, name, y, names, properties.classes)
    return labels.reshape(-1).astype(np.int64), names


def _named_classes(
    source: str, name: str, y: NDArray[Any], present: tuple[str, ...], classes: tuple[str, ...]
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Classes [n] with the user's names: whole numbers are their positions."""
    if y.dtype.kind in "US":
        unknown = [text for text in present if text not in classes]
        if unknown:
            raise DataError(f"{source}: {name} has the class '{unknown[0]}', classes does not")
        position = {text: index for index, text in enumerate(classes)}
        texts = np.char.decode(y, "utf-8", "replace") if y.dtype.kind == "S" else y
        return np.array([position[str(text)] for text in texts], np.int64), classes
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= len(classes):
        raise DataError(
            f"{source}: the classes in {name} go from {low} to {high:,}; classes has"
            f" {len(classes):,} names, for 0 to {len(classes) - 1:,}"
        )
    return y.astype(np.int64), classes


def _check_name_count(source: str, key: str, names: tuple[str, ...], count: int) -> None:
    if names and len(names) != count:
        raise DataError(f"{source}: {key} has {len(names):,} names for {count:,} columns")
