"""Data sets from a user's function: `file.py:NAME` or `package.module:NAME`.

The function is called without arguments. It returns a pair (x, y), or a dict of such pairs with
the keys train, val and test. A pair may be replaced by a torch data set; x and y are arrays,
tensors or lists. Without y, the input is the target. A dict may also have the names `classes`,
`target_names` and `vocabulary`, and the id `pad_token`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import Task
from nnlab.engine import user_code
from nnlab.engine.data.array_task import PROPERTY_NAMES, ArrayProperties
from nnlab.engine.data.arrays import SPLIT_NAMES, LabelledArrays, build_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.user_values import call_data_function, find_user_splits
from nnlab.engine.error_description import describe_error
from nnlab.errors import DataError, UserCodeError
from nnlab.io.files import main_memory_bytes

# Items from which the size of a data set in memory is estimated.
_ITEMS_MEASURED = 4


def read_dataset(name: str, task: Task | None = None) -> Dataset:
    """The data set that a user's function returns, in memory.

    Args:
        name: the function.
        task: the kind of targets as chosen by the user; None to infer it.

    Raises:
        UserCodeError: the function does not exist or fails; the message has file and line.
        DataError: the returned data cannot be trained on, or can only be streamed.
    """
    return build_user_dataset(name, call_data_function(name), task)


def build_user_dataset(name: str, value: Any, task: Task | None = None) -> Dataset:
    """The data set in the value of a user's function, read into memory.

    Args:
        name: the function.
        value: what it returned.
        task: the kind of targets as chosen by the user; None to infer it.

    Raises:
        UserCodeError: an item of a torch data set cannot be read.
        DataError: as in `read_dataset`.
    """
    splits = find_user_splits(name, value)
    if splits is not None and splits.streamed_only:
        raise DataError(f"{name} returns data that can only be streamed", hint="--stream")
    try:
        parts = split_arrays(name, value if splits is None else splits.parts)
    except DataError:
        raise
    except Exception as error:
        raise UserCodeError(f"--data {name} failed: {describe_error(error)}") from error
    return build_dataset(
        name,
        name,
        parts,
        user_code.code_version(name),
        task=task,
        properties=properties_of(name, value),
    )


def properties_of(name: str, value: Any) -> ArrayProperties:
    """The names of classes, targets and tokens in a dict that a user's function returned.

    Raises:
        DataError: one of them has another type.
    """
    if not isinstance(value, Mapping):
        return ArrayProperties()
    return ArrayProperties.of(name, {key: _to_numpy(item) for key, item in value.items()})


def split_arrays(name: str, value: Any) -> Mapping[str, LabelledArrays]:
    """The arrays of each split in a value that a user's function or a plugin returned.

    Raises:
        DataError: the value has another form.
    """
    if not isinstance(value, Mapping):
        return {"train": _to_labelled_arrays(name, value, "")}
    value = {key: part for key, part in value.items() if key not in PROPERTY_NAMES}
    if set(value) == {"x"}:
        return {"train": _to_labelled_arrays(name, (value["x"], value["x"]), "")}
    if set(value) == {"x", "y"}:
        return {"train": _to_labelled_arrays(name, (value["x"], value["y"]), "")}
    unknown = sorted(str(key) for key in value if key not in SPLIT_NAMES)
    if unknown or "train" not in value:
        keys = ", ".join(str(key) for key in value) or "nothing"
        raise DataError(
            f"{name} returns a dict of {keys}; it needs train, and may have val and test"
        )
    return {
        part: _to_labelled_arrays(name, value[part], f"{part} ")
        for part in SPLIT_NAMES
        if part in value
    }


def _to_labelled_arrays(name: str, value: Any, part: str) -> LabelledArrays:
    """The arrays of a pair (x, y), or of the items of a torch data set."""
    if hasattr(value, "shape"):  # one array: the input is the target
        x = y = value
    elif isinstance(value, tuple | list) and len(value) == 2:
        x, y = value
    elif hasattr(value, "__len__") and hasattr(value, "__getitem__"):
        _check_memory(name, value)
        items = [value[index] for index in range(len(value))]
        if not items or any(not isinstance(i, tuple | list) or len(i) != 2 for i in items):
            raise DataError(
                f"{name}: the items {part and f'of {part}'}must be pairs of an example and a target"
            )
        x, y = zip(*items, strict=True)
    else:
        raise DataError(
            f"{name} returns {part}{type(value).__name__}; it must return (x, y), a dict of such"
            " pairs for train, val and test, or a torch data set"
        )
    examples = _to_array(name, x, f"{part}x")
    targets = None if y is x or y is None else _to_array(name, y, f"{part}y")
    return LabelledArrays(examples, targets, f"{part}x", f"{part}y")


def _check_memory(name: str, dataset: Any) -> None:
    """Checks the size of all items, estimated from the first ones.

    Raises:
        DataError: they need more than half of the memory of this machine.
    """
    first = [dataset[index] for index in range(min(_ITEMS_MEASURED, len(dataset)))]
    sizes = [sum(np.asarray(_to_numpy(part)).nbytes for part in item) for item in first]
    needed = int(sum(sizes) / max(1, len(sizes)) * len(dataset))
    limit = main_memory_bytes() // 2
    if needed > limit:
        raise DataError(
            f"{name}: {len(dataset):,} items need about {needed:,} bytes; the limit is {limit:,},"
            " half of the memory of this machine",
            hint="--stream reads them batch by batch",
        )


def _to_array(name: str, values: Any, label: str) -> NDArray[Any]:
    if isinstance(values, list | tuple):
        values = [_to_numpy(value) for value in values]
    try:
        return np.asarray(_to_numpy(values))
    except ValueError as error:
        raise DataError(f"{name}: {label} cannot be converted to one array: {error}") from None


def _to_numpy(value: Any) -> Any:
    """A tensor as an array; other values unchanged."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value
