"""Whether the loader workers of an IterableDataset read different items."""

import warnings
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from nnlab.engine.random_state import seed_random_numbers


def shards_by_worker(dataset: Any, worker_init: Callable[[int], None] | None) -> bool:
    """Whether two workers would start with different items.

    Two workers with the same random numbers read their first item. A data set whose first items
    are equal anyway is read by one worker without need, which is slower and still correct.

    Args:
        dataset: an IterableDataset.
        worker_init: `worker_init_fn` of its loader, which may divide the items.
    """

    def start(worker: int) -> None:
        if worker_init is not None:
            worker_init(worker)
        seed_random_numbers(0)

    loader: DataLoader[Any] = DataLoader(
        dataset,
        batch_size=None,
        collate_fn=_unchanged,
        num_workers=2,
        prefetch_factor=1,
        worker_init_fn=start,
        generator=torch.Generator().manual_seed(0),
    )
    with warnings.catch_warnings():
        # Newer versions of Python warn about forking a process that has threads.
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
        items = list(islice(iter(loader), 2))
    return len(items) < 2 or not _are_equal(items[0], items[1])


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
