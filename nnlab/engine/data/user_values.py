"""What a user's function returns: data sets or loaders for the splits, and their properties."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnlab.engine import user_code
from nnlab.engine.data.arrays import SPLIT_NAMES
from nnlab.engine.error_description import describe_error
from nnlab.errors import DataError, NnlabError, UserCodeError

PROPERTY_NAMES = ("classes", "target_names", "vocabulary", "pad_token", "num_outputs")
_RETURN_HINT = (
    "return a Dataset, a DataLoader, a pair (train, val) of them, or a dict of train, val and test"
)


@dataclass(frozen=True, slots=True)
class UserSplits:
    """The data sets or loaders of the splits by name, and the other entries of the dict."""

    parts: Mapping[str, Any]
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def streamed_only(self) -> bool:
        """Whether a part cannot be read into memory by its indices."""
        return any(not is_map_style(part) for part in self.parts.values())


def is_loader(value: object) -> bool:
    """Whether a value is a DataLoader of torch."""
    return _has_torch_base(value, "DataLoader")


def is_iterable_dataset(value: object) -> bool:
    """Whether a value is an IterableDataset of torch."""
    return _has_torch_base(value, "IterableDataset")


def is_map_style(value: object) -> bool:
    """Whether a value is a data set with a length and items by index; arrays are not."""
    if is_iterable_dataset(value) or _is_arrays(value):
        return False
    return hasattr(value, "__getitem__") and hasattr(value, "__len__")


def length_of(value: Any) -> int | None:
    """The length of a data set, sampler or loader; None if it does not have one."""
    try:
        return len(value)
    except (TypeError, NotImplementedError):  # an IterableDataset
        return None


def is_indexed(value: Any) -> bool:
    """Whether a value is a map-style data set or a DataLoader over one."""
    return not is_iterable_dataset(value.dataset) if is_loader(value) else is_map_style(value)


def has_state(value: object) -> bool:
    """Whether a data set or loader saves its position, with torchdata's two methods."""
    methods = ("state_dict", "load_state_dict")
    return all(callable(getattr(value, method, None)) for method in methods)


def is_streamable(value: object) -> bool:
    """Whether a value is a data set or a loader: something other than arrays to iterate over."""
    return not _is_arrays(value) and (hasattr(value, "__iter__") or is_map_style(value))


def _is_arrays(value: object) -> bool:
    is_array = isinstance(value, Mapping | list | tuple | np.ndarray | str | bytes)
    return is_array or (hasattr(value, "__array__") and hasattr(value, "shape"))


def _has_torch_base(value: object, name: str) -> bool:
    # By name: a function that returns arrays must not import torch.
    return any(
        base.__name__ == name and base.__module__.startswith("torch.utils.data")
        for base in type(value).__mro__
    )


def named_classes(splits: UserSplits) -> tuple[str, ...]:
    """The names of the classes in the dict or in the data set; empty if there are none."""
    named = splits.properties.get("classes")
    dataset = splits.parts["train"]
    while named is None and dataset is not None:
        named = getattr(dataset, "classes", None)
        dataset = getattr(dataset, "dataset", None)
    if named is None:
        return ()
    return tuple(map(str, range(named) if isinstance(named, int) else named))


def call_data_function(name: str) -> Any:
    """The value that a user's function returns.

    Raises:
        UserCodeError: the function does not exist or fails; the message has file and line.
        DataError: the name is no function.
    """
    make = user_code.load_object(name)
    if not callable(make):
        raise DataError(f"{name} is a {type(make).__name__}, not a function")
    try:
        return make()
    except NnlabError:
        raise
    except Exception as error:
        raise UserCodeError(f"--data {name} failed: {describe_error(error)}") from error


def find_user_splits(name: str, value: Any) -> UserSplits | None:
    """The data sets and loaders in the value of a function; None if it has arrays.

    Raises:
        DataError: a dict has unknown keys, or an iterator that can be read only once.
    """
    parts, properties = _parts_of(name, value)
    streamable = [key for key, part in parts.items() if is_streamable(part)]
    if not streamable:
        return None
    others = [key for key in parts if key not in streamable]
    if others:
        kind = type(parts[others[0]]).__name__
        raise DataError(f"{name}: {others[0]} is a {kind}, no data set", hint=_RETURN_HINT)
    for key, part in parts.items():
        if hasattr(part, "__next__"):
            raise DataError(
                f"{name}: {key} is a {type(part).__name__}, which can be read only once",
                hint="return an IterableDataset, whose __iter__ starts each epoch",
            )
    return UserSplits(parts, properties)


def _parts_of(name: str, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values by split, and the other entries of a dict."""
    if isinstance(value, Mapping):
        unknown = [str(key) for key in value if key not in (*SPLIT_NAMES, *PROPERTY_NAMES)]
        if unknown or "train" not in value:
            if "x" in value:
                return {}, {}
            keys = ", ".join(str(key) for key in value) or "nothing"
            raise DataError(
                f"{name} returns a dict of {keys}; it needs train, and may have val and test"
            )
        parts = {key: value[key] for key in SPLIT_NAMES if value.get(key) is not None}
        return parts, {key: value[key] for key in PROPERTY_NAMES if key in value}
    is_pair = isinstance(value, tuple) and len(value) in (2, 3)
    if is_pair and all(map(is_streamable, value)):
        return dict(zip(SPLIT_NAMES, value, strict=False)), {}
    return {"train": value}, {}
