"""Facts about a batch of a user task: its number of examples and its shapes."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor


def batch_size(batch: Any) -> int:
    """The first dimension of the first tensor in a batch that has one; 1 if there is none."""
    return next((len(tensor) for tensor in _tensors(batch) if tensor.ndim > 0), 1)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


def describe_batch(batch: Any) -> str:
    """The shapes and types of a batch.

    >>> import torch
    >>> describe_batch((torch.zeros(4, 2), {"label": torch.zeros(4, dtype=torch.int64)}))
    '(float32 [4, 2], {label: int64 [4]})'
    """
    if isinstance(batch, Tensor):
        return f"{str(batch.dtype).removeprefix('torch.')} {list(batch.shape)}"
    if isinstance(batch, Mapping):
        return f"{{{', '.join(f'{key}: {describe_batch(part)}' for key, part in batch.items())}}}"
    if isinstance(batch, list | tuple):
        return f"({', '.join(map(describe_batch, batch))})"
    return type(batch).__name__
