"""A user's IterableDataset, a DataLoader over one, or another loader, opened as a source."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from nnlab.engine.data.example_facts import read_first_item
from nnlab.engine.data.user_values import has_state, length_of
from nnlab.engine.random_state import seed_random_numbers
from nnlab.engine.seeds import derive_seed
from nnlab.engine.streaming.map_batches import LoadingOptions
from nnlab.engine.streaming.padding import PaddedCollate
from nnlab.engine.streaming.stream_batches import StreamBatches
from nnlab.engine.streaming.worker_shards import shards_by_worker


@dataclass(frozen=True, slots=True)
class IterablePart:
    """A source, a batch with one example (of a loader of batches: its first), and notes."""

    source: StreamBatches
    example: Any
    notes: tuple[str, ...] = ()


class _SeededStream(IterableDataset[Any]):
    """An IterableDataset that draws the same random numbers in this process and in a worker."""

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed
        self.epoch = 1

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch of the random numbers, from 0."""
        self.epoch = epoch + 1
        if _has(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        if get_worker_info() is not None:
            seed_random_numbers(derive_seed(self.seed, "sampler", self.epoch))
        yield from self.dataset


def open_iterable(
    name: str,
    value: Any,
    loading: LoadingOptions,
    *,
    batch_size: int,
    seed: int,
    pad_token: int,
    fixed_epoch: int | None = None,
) -> IterablePart:
    """Opens a data set or loader whose items have no index.

    Args:
        name: of the split, for messages.
        value: the user's object.
        loading: the loader workers; at most one of them reads an IterableDataset.
        batch_size: of an IterableDataset; a loader has its own.
        seed: the run's seed.
        pad_token: the padding of sequences of unequal lengths.
        fixed_epoch: the epoch of the random numbers, if it is always the same.

    Raises:
        DataError: there are no examples.
    """
    example = first_example(name, value, seed, pad_token)
    if isinstance(value, DataLoader):
        return _open_loader(name, value, example, seed, fixed_epoch)
    if not isinstance(value, IterableDataset):
        stateful = value if has_state(value) else None
        return IterablePart(
            StreamBatches(
                value,
                seed=seed,
                stateful=stateful,
                epoch_owners=_epoch_owners(value),
                batches_per_epoch=length_of(value),
                fixed_epoch=fixed_epoch,
            ),
            example,
        )
    return _open_dataset(
        name, value, loading, example, batch_size, seed, PaddedCollate(pad_token), fixed_epoch
    )


def first_example(name: str, value: Any, seed: int, pad_token: int) -> Any:
    """The first item as a batch; of a loader that is no DataLoader, its first batch.

    Raises:
        DataError: there are no examples.
    """
    item = read_first_item(name, value, seed)
    if isinstance(value, DataLoader):
        return value.collate_fn(item if value.batch_size is None else [item])
    return PaddedCollate(pad_token)([item]) if isinstance(value, IterableDataset) else item


def _open_dataset(
    name: str,
    dataset: Any,
    loading: LoadingOptions,
    example: Any,
    batch_size: int,
    seed: int,
    collate: PaddedCollate,
    fixed_epoch: int | None,
) -> IterablePart:
    """An IterableDataset: read by one worker at most, so that the workers do not change it."""
    is_stateful = has_state(dataset)
    workers = 0 if is_stateful else min(1, loading.num_workers)
    notes: tuple[str, ...] = ()
    if loading.num_workers > 1:
        notes = (
            f"{name} is an IterableDataset and read by one loader worker; for more, return a"
            " DataLoader with num_workers, over a data set that divides its items by"
            " get_worker_info()",
        )
    stream = _SeededStream(dataset, seed)
    loader: DataLoader[Any] = DataLoader(
        stream,
        batch_size=batch_size,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=loading.pin_memory,
        generator=torch.Generator().manual_seed(0),
    )
    count = length_of(dataset)
    source = StreamBatches(
        loader,
        seed=seed,
        stateful=dataset if is_stateful else None,
        epoch_owners=(stream,),
        batches_per_epoch=None if count is None else -(-count // batch_size),
        num_examples=count,
        fixed_epoch=fixed_epoch,
    )
    return IterablePart(source, example, notes)


def _open_loader(
    name: str, loader: Any, example: Any, seed: int, fixed_epoch: int | None
) -> IterablePart:
    """A DataLoader over an IterableDataset, with one worker if they would read the same items."""
    notes: tuple[str, ...] = ()
    if loader.num_workers > 1 and not shards_by_worker(loader.dataset, loader.worker_init_fn):
        notes = (
            f"{name}: each of the {loader.num_workers} workers of its DataLoader would read all"
            " items, so that one worker is used; divide the items by get_worker_info() to use more",
        )
        loader = _with_one_worker(loader)
    stateful = loader if has_state(loader) else None
    if stateful is None and not loader.num_workers and has_state(loader.dataset):
        stateful = loader.dataset
    is_sized = loader.num_workers <= 1 and length_of(loader.dataset) is not None
    source = StreamBatches(
        loader,
        seed=seed,
        stateful=stateful,
        epoch_owners=_epoch_owners(loader, loader.dataset),
        batches_per_epoch=length_of(loader) if is_sized else None,
        num_examples=length_of(loader.dataset),
        fixed_epoch=fixed_epoch,
    )
    return IterablePart(source, example, notes)


def _with_one_worker(loader: Any) -> Any:
    return type(loader)(
        loader.dataset,
        batch_size=loader.batch_size,
        num_workers=1,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        drop_last=loader.drop_last,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
        prefetch_factor=loader.prefetch_factor,
    )


def _epoch_owners(*values: Any) -> tuple[Any, ...]:
    return tuple(value for value in values if _has(value, "set_epoch"))


def _has(value: Any, method: str) -> bool:
    return callable(getattr(value, method, None))
