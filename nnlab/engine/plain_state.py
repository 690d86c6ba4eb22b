"""Converts the states of loaders to and from values that checkpoints can hold.

Checkpoints are loaded with `weights_only`, which rebuilds no objects: tensors, numbers, texts and
containers of them. NumPy arrays, which the states of random numbers contain, become tensors.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from nnlab.errors import UserCodeError

_ARRAY_KEYS = frozenset(("numpy dtype", "numpy shape", "numpy bytes"))


def to_plain(value: Any) -> Any:
    """The same state without NumPy objects.

    Raises:
        UserCodeError: it contains an object of another type.
    """
    if value is None or isinstance(value, bool | int | float | str | bytes | torch.Tensor):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = np.frombuffer(value.tobytes(), np.uint8)
        return {
            "numpy dtype": value.dtype.str,
            "numpy shape": list(value.shape),
            "numpy bytes": torch.from_numpy(content.copy()),
        }
    if isinstance(value, Mapping):
        return {to_plain(key): to_plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(to_plain(part) for part in value)
    if isinstance(value, list):
        return [to_plain(part) for part in value]
    if isinstance(value, set | frozenset):
        return {to_plain(part) for part in value}
    raise UserCodeError(
        f"the state_dict of the loader contains an object of type {type(value).__name__}, which a"
        " checkpoint cannot hold",
        hint="return numbers, texts, tensors, arrays and containers of them",
    )


def from_plain(value: Any) -> Any:
    """The state that `to_plain` converted."""
    if isinstance(value, Mapping):
        if value.keys() == _ARRAY_KEYS:
            content = value["numpy bytes"].numpy().tobytes()
            array = np.frombuffer(content, value["numpy dtype"])
            return array.reshape(value["numpy shape"]).copy()
        return {key: from_plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(from_plain(part) for part in value)
    return [from_plain(part) for part in value] if isinstance(value, list) else value
