"""`MapBatches`: batches of a map-style data set, in an order that is known for each epoch."""

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from nnlab.engine.streaming.seeded_items import BatchIndices, SeededItems

# The batches of an epoch: lists of indices, or indices of a data set of batches.
EpochPlan = Callable[[int], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class LoadingOptions:
    """How batches are read; none of it changes them.

    `worker_init` is called in each worker with its number, as torch's `worker_init_fn`.
    """

    num_workers: int = 0
    pin_memory: bool = False
    prefetch_factor: int | None = None
    timeout: float = 0.0
    worker_init: Callable[[int], None] | None = None


def usable_workers(num_workers: int) -> int:
    """The number of loader workers; 0 where they cannot be forked.

    A worker that does not inherit this process could not import the user's file.
    """
    return num_workers if sys.platform == "linux" else 0


class _Plan(Sampler[BatchIndices]):
    """The batches that the loader reads next."""

    def __init__(self) -> None:
        self.batches: Iterable[BatchIndices] = ()

    def __iter__(self) -> Iterator[BatchIndices]:
        return iter(self.batches)


class MapBatches:
    """Batches of a map-style data set; an epoch can be started at any batch.

    The loader workers stay alive between epochs: the epoch is part of what they are asked for.
    """

    can_start_inside_epoch = True

    def __init__(
        self,
        items: SeededItems,
        plan: EpochPlan,
        *,
        batches_per_epoch: int | None,
        num_examples: int | None,
        loading: LoadingOptions,
        random_epoch: int | None = None,
    ) -> None:
        """Batches in the order of a plan.

        Args:
            items: the data set.
            plan: the batches of each epoch.
            batches_per_epoch: None if it is unknown.
            num_examples: None if it is unknown.
            loading: the loader workers.
            random_epoch: the epoch that random transforms draw from, if it is always the same.
        """
        self.batches_per_epoch = batches_per_epoch
        self.num_examples = num_examples
        self._plan = plan
        self._random_epoch = random_epoch
        self._sampler = _Plan()
        self._loader = _open_loader(items, self._sampler, loading)

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """The batches of an epoch, from 1, without the first `start` ones."""
        seeded = number if self._random_epoch is None else self._random_epoch
        batches = islice(self._plan(number), start, None)
        self._sampler.batches = ((seeded, batch) for batch in batches)
        with warnings.catch_warnings():
            # Newer versions of Python warn about forking a process that has threads.
            warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
            return iter(self._loader)

    def state_dict(self) -> Mapping[str, Any] | None:
        """None: the numbers of the epoch and the batch are enough."""
        return None

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Does nothing: there is no state."""


def _open_loader(
    items: SeededItems, sampler: Sampler[BatchIndices], loading: LoadingOptions
) -> DataLoader[Any]:
    has_workers = loading.num_workers > 0
    return DataLoader(
        items,
        batch_size=None,  # an item is a batch
        sampler=sampler,
        collate_fn=_unchanged,
        num_workers=loading.num_workers,
        pin_memory=loading.pin_memory,
        prefetch_factor=loading.prefetch_factor if has_workers else None,
        timeout=loading.timeout if has_workers else 0,
        worker_init_fn=loading.worker_init,
        persistent_workers=has_workers,
        multiprocessing_context="fork" if has_workers else None,
        # The loader draws a seed for its workers; it must not come from the run's generator.
        generator=torch.Generator().manual_seed(0),
    )


def _unchanged(batch: Any) -> Any:
    return batch
