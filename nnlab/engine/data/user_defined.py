"""A user's own function: `file.py:NAME` or `package.module:NAME`.

It is called without arguments and gives (x, y); or a dict of such pairs under train, val and
test; or torch data sets in their places. Arrays, tensors and lists are taken.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.arrays import SPLIT_NAMES, LabelledArrays, build_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError, UserCodeError


def read(name: str) -> Dataset:
    """The data set that a user's function gives.

    Raises:
        UserCodeError: the function is not there, or fails; with the file and the line.
        DataError: what it gives cannot be trained on.
    """
    from nnlab.engine import user_code
    from nnlab.engine.error_description import describe_error

    make = user_code.load_object(name)
    if not callable(make):
        raise DataError(f"{name} is a {type(make).__name__}, no function that can be called")
    try:
        parts = _split_arrays(name, make())
    except DataError:
        raise
    except Exception as error:
        raise UserCodeError(f"--data {name} failed: {describe_error(error)}") from error
    return build_dataset(name, name, parts, user_code.code_version(name))


def _split_arrays(name: str, given: Any) -> Mapping[str, LabelledArrays]:
    if not isinstance(given, Mapping):
        return {"train": _to_labelled_arrays(name, given, "")}
    if set(given) == {"x", "y"}:
        return {"train": _to_labelled_arrays(name, (given["x"], given["y"]), "")}
    unknown = sorted(str(key) for key in given if key not in SPLIT_NAMES)
    if unknown or "train" not in given:
        held = ", ".join(str(key) for key in given) or "nothing"
        raise DataError(f"{name} gives a dict of {held}; train is needed, val and test may be")
    return {
        part: _to_labelled_arrays(name, given[part], f"{part} ")
        for part in SPLIT_NAMES
        if part in given
    }


def _to_labelled_arrays(name: str, given: Any, part: str) -> LabelledArrays:
    """(x, y), or the items of a torch data set one by one."""
    if isinstance(given, tuple | list) and len(given) == 2:
        x, y = given
    elif hasattr(given, "__len__") and hasattr(given, "__getitem__"):
        items = [given[index] for index in range(len(given))]
        if not items or any(not isinstance(i, tuple | list) or len(i) != 2 for i in items):
            raise DataError(
                f"{name}: the items {part and f'of {part}'}must be pairs of an example and a target"
            )
        x, y = zip(*items, strict=True)
    else:
        raise DataError(
            f"{name} gives {part}{type(given).__name__}; (x, y), a dict of such pairs under"
            " train, val and test, or a torch data set is needed"
        )
    return LabelledArrays(
        _to_array(name, x, f"{part}x"), _to_array(name, y, f"{part}y"), f"{part}x", f"{part}y"
    )


def _to_array(name: str, values: Any, told: str) -> NDArray[Any]:
    if isinstance(values, list | tuple):
        values = [_to_numpy(value) for value in values]
    try:
        return np.asarray(_to_numpy(values))
    except ValueError as error:
        raise DataError(f"{name}: {told} cannot become one array: {error}") from None


def _to_numpy(value: Any) -> Any:
    """A tensor as an array; anything else as it is."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value
