"""`call_model`: calls a model with one tensor, several tensors, or named tensors."""

from collections.abc import Callable, Mapping
from typing import Any

import torch


def call_model(model: Callable[..., Any], inputs: Any) -> Any:
    """model(inputs) for a tensor, model(*inputs) for a tuple, model(**inputs) for a dict."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    if isinstance(inputs, tuple | list):
        return model(*inputs)
    return model(inputs)


def as_float32(inputs: Any) -> Any:
    """The same inputs with floating-point tensors in float32, as new models need them."""
    return converted(inputs, torch.float32)


def converted(value: Any, dtype: torch.dtype) -> Any:
    """The same structure with its floating-point tensors in a number format."""
    if isinstance(value, torch.Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, Mapping):
        return {name: converted(part, dtype) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(converted(part, dtype) for part in value)
    return value


def batch_length(inputs: Any) -> int:
    """The number of examples of a batch."""
    if isinstance(inputs, Mapping):
        return batch_length(next(iter(inputs.values())))
    return batch_length(inputs[0]) if isinstance(inputs, tuple | list) else len(inputs)
