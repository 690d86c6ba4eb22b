"""The kind of targets of a user's arrays: from `--task`, or else from their shapes and types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import DENSE_TASKS, Task
from nnlab.errors import DataError

PROPERTY_NAMES = ("classes", "target_names", "vocabulary", "pad_token")
_ARRAY_TASKS: tuple[Task, ...] = (
    "classification", "regression", "multilabel", *DENSE_TASKS, "reconstruction",
)  # fmt: skip
_TOKEN_TASKS: tuple[Task, ...] = ("token_classification", "language_modeling")


@dataclass(frozen=True, slots=True)
class ArrayProperties:
    """Names that come with arrays: of classes or tags, of several targets, and of tokens."""

    classes: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    pad_token: int | None = None

    @classmethod
    def of(cls, source: str, values: Mapping[str, Any]) -> "ArrayProperties":
        """The properties in a dict or archive, which may have other entries.

        Raises:
            DataError: `pad_token` is not a whole number.
        """
        classes, target_names, vocabulary = (
            tuple(map(str, np.asarray(values.get(key, ())).reshape(-1).tolist()))
            for key in PROPERTY_NAMES[:3]
        )
        pad_token = values.get("pad_token")
        if pad_token is not None:
            array = np.asarray(pad_token)
            if array.size != 1 or array.dtype.kind not in "iu":
                raise DataError(
                    f"{source}: pad_token is {pad_token!r}; it must be the id of a token"
                )
            pad_token = int(array.reshape(()))
        return cls(classes, target_names, vocabulary, pad_token)


def infer_task(
    source: str,
    x: NDArray[Any],
    y: NDArray[Any] | None,
    task: Task | None,
    properties: ArrayProperties,
) -> Task:
    """The kind of targets of examples x and targets y, as the user has them.

    Args:
        source: the file or function that the arrays come from, for messages.
        x: the examples.
        y: the targets; None if there are none.
        task: as chosen by the user; None to infer it.
        properties: of the arrays.

    Raises:
        DataError: the kind is not clear, or the chosen one does not fit the shapes.
    """
    if task is not None:
        _check_chosen(source, x, y, task)
        return task
    if y is None:
        return "reconstruction"
    if y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
        return "regression" if y.dtype.kind == "f" else "classification"
    if y.dtype.kind == "f" and y.ndim == 2:
        return "regression"
    if y.dtype.kind in "bui" and y.ndim == 3 and x.ndim in (3, 4):
        return "segmentation"
    if y.dtype.kind in "bui" and y.ndim == 2:
        return _infer_from_integers(source, x, y, properties)
    raise DataError(
        f"{source}: targets of shape {list(y.shape)} and type {y.dtype} fit no kind of targets",
        hint=f"--task {'|'.join(_ARRAY_TASKS)} says what is learned",
    )


def _infer_from_integers(
    source: str, x: NDArray[Any], y: NDArray[Any], properties: ArrayProperties
) -> Task:
    """The kind of whole-number targets [n, k] with k > 1."""
    may_be_tokens = x.dtype.kind in "ui" and x.shape == y.shape
    is_binary = bool(((y == 0) | (y == 1)).all())
    if properties.vocabulary and may_be_tokens:
        return "token_classification"
    if is_binary and not (may_be_tokens and y.dtype.kind != "b"):
        return "multilabel"
    if may_be_tokens and not is_binary:
        return "token_classification"
    if is_binary:
        raise DataError(
            f"{source}: the targets {list(y.shape)} of 0 and 1 may be tags, or classes of tokens",
            hint="--task multilabel or --task token_classification",
        )
    raise DataError(
        f"{source}: the targets are whole numbers of shape {list(y.shape)}; several numbers to"
        " predict are floats, tags are 0 or 1, classes of tokens have the shape of the tokens"
        f" {list(x.shape)}",
        hint="--task regression, for whole numbers to predict",
    )


def _check_chosen(source: str, x: NDArray[Any], y: NDArray[Any] | None, task: Task) -> None:
    """Checks that a chosen task fits the shapes.

    Raises:
        DataError: it does not.
    """
    if task not in _ARRAY_TASKS:
        raise DataError(
            f"--task {task} needs data that is streamed; {source} has arrays",
            hint=f"--task {'|'.join(_ARRAY_TASKS)}",
        )
    if y is None:
        if task not in ("reconstruction", "language_modeling"):
            raise DataError(f"{source} has no targets, which --task {task} needs")
        return
    needed: Mapping[Task, tuple[int, str]] = {
        "multilabel": (2, "[n, tags]"),
        "token_classification": (2, "[n, tokens]"),
        "language_modeling": (2, "[n, tokens]"),
        "segmentation": (3, "[n, height, width]"),
    }
    ndim, shape = needed.get(task, (y.ndim, ""))
    if y.ndim != ndim and not (task == "segmentation" and y.ndim == 4 and y.shape[1] == 1):
        raise DataError(
            f"{source}: the targets have shape {list(y.shape)}; --task {task} needs {shape}"
        )
    if task in _TOKEN_TASKS and y.shape[1] != x.shape[1]:
        raise DataError(
            f"{source}: the examples have shape {list(x.shape)}, the targets {list(y.shape)};"
            f" --task {task} needs one target for each token"
        )
