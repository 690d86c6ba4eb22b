"""The targets of a map-style data set, as far as they are known without reading the inputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from nnlab.engine.data.example_facts import split_batch
from nnlab.engine.random_state import preserved_random_states, seed_random_numbers

# The attributes of data sets of torchvision and other packages.
_TARGET_ATTRIBUTES = ("targets", "labels", "_labels")


def known_targets(dataset: Any) -> NDArray[Any] | None:
    """The target of each item [n, ...] without reading the items; None if that is not possible.

    They are known for a TensorDataset of two tensors, for a data set with the attribute `targets`
    or `labels`, and for a Subset or a ConcatDataset of such data sets.
    """
    if isinstance(dataset, Subset):
        targets = known_targets(dataset.dataset)
        return None if targets is None else targets[np.asarray(dataset.indices, np.int64)]
    if isinstance(dataset, ConcatDataset):
        parts = [known_targets(part) for part in dataset.datasets]
        present = [part for part in parts if part is not None]
        return np.concatenate(present) if len(present) == len(parts) else None
    if isinstance(dataset, TensorDataset):
        return dataset.tensors[1].numpy() if len(dataset.tensors) == 2 else None
    for name in _TARGET_ATTRIBUTES:
        values = _as_numbers(getattr(dataset, name, None))
        if values is not None and len(values) == len(dataset):
            return values
    return None


def _as_numbers(values: Any) -> NDArray[Any] | None:
    """An attribute as an array of numbers; None if it has another content."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if not isinstance(values, list | tuple | np.ndarray):
        return None
    try:
        array = np.asarray(values)
    except ValueError:
        return None
    return array if array.ndim and array.dtype.kind in "buif" else None


def read_targets(dataset: Any, limit: int) -> NDArray[Any] | None:
    """The targets as in `known_targets`, or those of all items of a data set with few items.

    Args:
        dataset: a map-style data set.
        limit: at most so many items are read.

    Returns:
        None if the data set is larger, or its items have no targets that are numbers.
    """
    targets = known_targets(dataset)
    if targets is not None or len(dataset) > limit:
        return targets
    with preserved_random_states():
        seed_random_numbers(0)
        values = [split_batch(dataset[index])[1] for index in range(len(dataset))]
    if any(value is None for value in values):
        return None
    return _as_numbers([np.asarray(value) for value in values])
