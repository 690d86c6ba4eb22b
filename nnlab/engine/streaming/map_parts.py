"""A map-style data set of a split, or a DataLoader over one, and the order of its batches."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

from nnlab.engine.batches import batch_bounds
from nnlab.engine.data.user_values import length_of
from nnlab.engine.epoch_order import balanced_order, uniform_order
from nnlab.engine.random_state import (
    preserved_random_states,
    random_states,
    seed_random_numbers,
    set_random_states,
)
from nnlab.engine.seeds import derive_seed
from nnlab.engine.streaming.map_batches import EpochPlan, LoadingOptions
from nnlab.engine.streaming.padding import PaddedCollate
from nnlab.engine.streaming.seeded_items import Collate

# The batches of a sampler that are drawn at a time.
_CHUNK = 256

# A function of the epoch: the order of rows 0..n-1.
RowOrder = Callable[[int], torch.Tensor]


@dataclass(frozen=True, slots=True)
class MapPart:
    """The items of a split and how they become batches.

    Attributes:
        items: a map-style data set.
        collate: the batch of a list of items.
        loading: the loader workers.
        batch_size: of a user's loader; None if the config determines it.
        is_shuffled: whether the training order is random.
        drops_last: whether an incomplete last batch is left out.
        merges_last: whether a last batch of one example is merged into the one before it.
        sampler: of a user's loader, if it draws the items in its own way.
        batch_sampler: of a user's loader, if it forms the batches in its own way.
    """

    items: Any
    collate: Collate
    loading: LoadingOptions
    batch_size: int | None = None
    is_shuffled: bool = True
    drops_last: bool = False
    merges_last: bool = True
    sampler: Any = None
    batch_sampler: Any = None

    @property
    def can_be_split(self) -> bool:
        """Whether the part has no sampler, so that some of its rows can become another split."""
        return self.sampler is None and self.batch_sampler is None

    @property
    def has_own_batches(self) -> bool:
        """Whether another batch size cannot be chosen."""
        return self.batch_sampler is not None


def map_part(value: Any, loading: LoadingOptions, pad_token: int) -> MapPart:
    """A map-style data set, or a DataLoader over one, as a part.

    Args:
        value: the user's object.
        loading: the loader workers, which a DataLoader with workers of its own replaces.
        pad_token: the padding of sequences of unequal lengths.
    """
    if not isinstance(value, DataLoader):
        return MapPart(value, PaddedCollate(pad_token), loading)
    loading = loader_options(value, loading)
    if value.batch_sampler is None:
        # A loader without a batch size yields the items themselves.
        return MapPart(
            value.dataset, value.collate_fn, loading, batch_sampler=value.sampler, merges_last=False
        )
    if type(value.batch_sampler) is not BatchSampler:
        return MapPart(
            value.dataset,
            value.collate_fn,
            loading,
            batch_sampler=value.batch_sampler,
            merges_last=False,
        )
    sampler = value.batch_sampler.sampler
    return MapPart(
        value.dataset,
        value.collate_fn,
        loading,
        batch_size=value.batch_sampler.batch_size,
        is_shuffled=type(sampler) is not SequentialSampler,
        drops_last=value.batch_sampler.drop_last,
        merges_last=False,
        sampler=None if _is_plain(sampler, value.dataset) else sampler,
    )


def loader_options(loader: Any, loading: LoadingOptions) -> LoadingOptions:
    """How a user's DataLoader reads: with its own workers, if it has any."""
    workers = loader.num_workers or loading.num_workers
    return LoadingOptions(
        workers,
        pin_memory=loader.pin_memory or loading.pin_memory,
        prefetch_factor=loader.prefetch_factor,
        timeout=loader.timeout,
        worker_init=loader.worker_init_fn,
    )


def row_plan(
    part: MapPart, rows: NDArray[np.int64], batch_size: int, order: RowOrder | None
) -> tuple[EpochPlan, int]:
    """The batches of some rows in each epoch, and their number.

    Args:
        part: the data set.
        rows: the indices of the split.
        batch_size: the examples of a batch.
        order: the order of the rows in each epoch; None for that of `rows`.
    """
    bounds = _bounds(part, len(rows), batch_size)

    def plan(epoch: int) -> Iterator[list[int]]:
        ordered = rows if order is None else rows[order(epoch).numpy()]
        return (ordered[begin:end].tolist() for begin, end in bounds)

    return plan, len(bounds)


def sampler_plan(part: MapPart, batch_size: int, seed: int) -> tuple[EpochPlan, int | None]:
    """The batches that a user's samplers draw in each epoch, and their number if it is known.

    The samplers draw from generators that are seeded from (seed, epoch), and `set_epoch` is called
    for those that have it, with the epoch from 0.
    """
    sampler = part.batch_sampler
    if sampler is None:
        sampler = BatchSampler(part.sampler, batch_size, part.drops_last)

    def plan(epoch: int) -> Iterator[Any]:
        return _enumerate_sampler(sampler, derive_seed(seed, "sampler", epoch), epoch)

    return plan, length_of(sampler)


def training_order(
    seed: int, rows: NDArray[np.int64], sampling: str | None, labels: NDArray[np.int64] | None
) -> RowOrder:
    """The order of the training rows in each epoch, equal to that of data in memory.

    Args:
        seed: the run's seed.
        rows: the training rows.
        sampling: uniform or balanced.
        labels: the classes of `rows`, for balanced sampling.
    """
    if sampling == "balanced" and labels is not None:
        classes = torch.from_numpy(np.asarray(labels, np.int64))
        return lambda epoch: balanced_order(seed, classes, epoch)
    return lambda epoch: uniform_order(seed, len(rows), epoch)


def _bounds(part: MapPart, count: int, batch_size: int) -> tuple[tuple[int, int], ...]:
    if part.merges_last:
        return batch_bounds(count, batch_size)
    bounds = tuple((begin, min(begin + batch_size, count)) for begin in range(0, count, batch_size))
    is_incomplete = part.drops_last and bounds and count % batch_size
    return bounds[:-1] if is_incomplete else bounds


def _is_plain(sampler: Any, dataset: Any) -> bool:
    """Whether a sampler reads each item once, in order or in random order."""
    if type(sampler) is RandomSampler:
        return not sampler.replacement and sampler.num_samples == len(dataset)
    return type(sampler) is SequentialSampler


def _enumerate_sampler(sampler: Any, seed: int, epoch: int) -> Iterator[Any]:
    """What a sampler draws with its own random numbers; read in chunks, for infinite samplers."""
    for owner in _nested_samplers(sampler):
        if callable(getattr(owner, "set_epoch", None)):
            owner.set_epoch(epoch - 1)
        if isinstance(getattr(owner, "generator", None), torch.Generator):
            owner.generator.manual_seed(seed)
    with preserved_random_states():
        seed_random_numbers(seed)
        iterator = iter(sampler)
        states = random_states()
    while True:
        with preserved_random_states():
            set_random_states(states)
            chunk = list(islice(iterator, _CHUNK))
            states = random_states()
        yield from chunk
        if len(chunk) < _CHUNK:
            return


def _nested_samplers(sampler: Any) -> Iterable[Any]:
    while sampler is not None:
        yield sampler
        sampler = getattr(sampler, "sampler", None)
