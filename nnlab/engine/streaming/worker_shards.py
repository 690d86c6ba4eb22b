"""Whether the loader workers of an IterableDataset read different items."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from nnlab.engine.streaming.random_state import seed_random_numbers


class _EquallySeeded(IterableDataset[Any]):
    """The first item of a data set, drawn with the same random numbers in each worker."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __iter__(self) -> Iterator[Any]:
        seed_random_numbers(0)
        for item in self.dataset:
            yield item
            return


def shards_by_worker(dataset: Any, worker_init: Callable[[int], None] | None) -> bool:
    """Whether two workers would start with different items.

    Two workers read their first item. A data set whose first items are equal anyway is read by one
    worker without need, which is slower and still correct.

    Args:
        dataset: an IterableDataset.
        worker_init: `worker_init_fn` of its loader.
    """
    stream = _EquallySeeded(dataset)

    def start(worker: int) -> None:
        if worker_init is not None:
            # It may divide the items through the data set of the worker.
            info = torch.utils.data.get_worker_info()
            if info is not None:
                info.dataset = dataset_of_worker(info.dataset)
            worker_init(worker)

    loader: DataLoader[Any] = DataLoader(
        stream,
        batch_size=None,
        collate_fn=_unchanged,
        num_workers=2,
        worker_init_fn=start,
        generator=torch.Generator().manual_seed(0),
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
        items = list(loader)
    return len(items) < 2 or not _are_equal(items[0], items[1])


def dataset_of_worker(dataset: Any) -> Any:
    """The user's data set in a worker, whose items `worker_init_fn` divides."""
    return dataset.dataset if isinstance(dataset, _EquallySeeded) else dataset


def _unchanged(item: Any) -> Any:
    return item


def _are_equal(first: Any, second: Any) -> bool:
    if type(first) is not type(second):
        return False
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, np.ndarray):
        return bool(np.array_equal(first, second))
    if isinstance(first, Mapping):
        return first.keys() == second.keys() and all(
            _are_equal(first[key], second[key]) for key in first
        )
    if isinstance(first, tuple | list):
        return len(first) == len(second) and all(map(_are_equal, first, second))
    return bool(first == second)
