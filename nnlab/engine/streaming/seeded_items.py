"""`SeededItems`: whole batches of a map-style data set, with random numbers by item."""

from collections.abc import Callable, Sequence
from typing import Any

from torch.utils.data import Dataset, Subset, get_worker_info

from nnlab.engine.random_state import preserved_random_states, seed_random_numbers
from nnlab.engine.seeds import SeedPurpose, derive_seed

Collate = Callable[[Any], Any]
# The epoch, and the indices of the items of a batch, or one index of a data set of batches.
BatchIndices = tuple[int, Any]


class SeededItems(Dataset[Any]):
    """A data set whose items are the collated batches of a map-style data set.

    Before each item is read, the global random generators are seeded from (seed, epoch, index).
    `collate` draws from (seed, epoch, first index) as well.
    """

    def __init__(self, items: Any, collate: Collate, seed: int, *, is_random: bool = True) -> None:
        """Wraps a data set.

        Args:
            items: the map-style data set.
            collate: the batch of a list of items.
            seed: the run's seed.
            is_random: False if reading items draws no random numbers, which saves the seeding.
        """
        self.items = items
        self.collate = collate
        self.seed = seed
        self.is_random = is_random

    def __getitem__(self, batch: BatchIndices) -> Any:
        """The batch of some indices in an epoch."""
        epoch, indices = batch
        if not self.is_random:
            return self.collate(self._read(epoch, indices))
        if get_worker_info() is not None:
            return self._collate_seeded(epoch, indices)
        with preserved_random_states():
            return self._collate_seeded(epoch, indices)

    def _collate_seeded(self, epoch: int, indices: Any) -> Any:
        items = self._read(epoch, indices)
        self._seed(epoch, _first(indices), "collate")
        return self.collate(items)

    def _read(self, epoch: int, indices: Any) -> Any:
        if not isinstance(indices, list):
            self._seed(epoch, indices)
            return self.items[indices]
        if _reads_batches(self.items):
            self._seed(epoch, _first(indices))
            return self.items.__getitems__(indices)
        return [self._read_item(epoch, index) for index in indices]

    def _read_item(self, epoch: int, index: Any) -> Any:
        self._seed(epoch, index)
        return self.items[index]

    def _seed(self, epoch: int, index: Any, purpose: SeedPurpose = "item") -> None:
        if self.is_random:
            seed_random_numbers(derive_seed(self.seed, purpose, epoch, index))


def _first(indices: Any) -> Any:
    return indices[0] if isinstance(indices, Sequence) and indices else indices


def _reads_batches(items: Any) -> bool:
    """Whether a data set reads a batch faster than item by item."""
    if type(items) is Subset:
        return _reads_batches(items.dataset)
    return callable(getattr(items, "__getitems__", None))
