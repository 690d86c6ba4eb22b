"""The batches of a user task: of its own loaders, or of the data set of `--data`."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from nnlab.engine.batches import batch_bounds
from nnlab.engine.data.prepare import SplitTensors
from nnlab.engine.data.user_values import length_of
from nnlab.engine.epoch_order import draw_order
from nnlab.engine.random_state import preserved_random_states, seed_random_numbers
from nnlab.engine.seeds import derive_seed
from nnlab.engine.user_call import call_user_code
from nnlab.engine.user_task.loading import loader_method
from nnlab.errors import UserCodeError
from nnlab.settings import RunConfig


class PreparedBatches:
    """Pairs (x, y) of a data set in memory; the training split is shuffled as in other runs."""

    can_start_inside_epoch = True

    def __init__(self, config: RunConfig, split: SplitTensors, *, shuffle: bool) -> None:
        self._config, self._split, self._shuffle = config, split, shuffle
        size = config.batch_size
        self._bounds = batch_bounds(
            len(split), min(size, len(split)) if isinstance(size, int) else len(split)
        )
        self.batches_per_epoch: int | None = len(self._bounds)
        self.num_examples: int | None = len(split)

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """The batches of an epoch from batch `start` on."""
        examples, targets = self._split.examples, self._split.targets
        if not self._shuffle:
            for begin, end in self._bounds[start:]:
                yield examples[begin:end], targets[begin:end]
            return
        order = draw_order(self._config, targets, number).to(examples.device)
        for begin, end in self._bounds[start:]:
            rows = order[begin:end]
            yield examples.index_select(0, rows), targets.index_select(0, rows)

    def state_dict(self) -> Mapping[str, Any] | None:
        """None: the batches follow from the numbers of the epoch and of the batch."""
        return None

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Does nothing."""


class LoaderBatches:
    """The batches of a loader of the task.

    The generators of a DataLoader and of its sampler, and the global generators, are seeded for
    each epoch; the global ones again before each batch. An epoch is therefore continued by reading
    and skipping its first batches.
    """

    can_start_inside_epoch = True

    def __init__(self, reference: str, name: str, loader: Any, seed: int) -> None:
        self._option, self._name = f"--task {reference}: {name}", name
        self._loader, self._seed = loader, seed
        self.batches_per_epoch = length_of(loader)
        self.num_examples = length_of(getattr(loader, "dataset", None))

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """The batches of an epoch from batch `start` on.

        Raises:
            UserCodeError: the loader fails; the message has the user's file and line.
        """
        self._seed_loader(number)
        with _seeded(derive_seed(self._seed, "sampler", number)):
            batches = call_user_code(self._option, lambda: iter(self._loader))
        index = 0
        while True:
            with _seeded(derive_seed(self._seed, "item", number, index)):
                batch = call_user_code(self._option, lambda: next(batches, _END))
            if batch is _END:
                break
            if index >= start:
                yield batch
            index += 1
        if index == 0:
            raise UserCodeError(f"{self._option} has no batches in epoch {number}")

    def _seed_loader(self, number: int) -> None:
        sampler = getattr(self._loader, "sampler", None)
        batch_sampler = getattr(self._loader, "batch_sampler", None)
        for owner in (self._loader, sampler, batch_sampler):
            generator = getattr(owner, "generator", None)
            if isinstance(generator, torch.Generator):
                generator.manual_seed(derive_seed(self._seed, "sampler", number))
            if callable(set_epoch := getattr(owner, "set_epoch", None)):
                set_epoch(number - 1)

    def state_dict(self) -> Mapping[str, Any] | None:
        """None: the batches follow from the numbers of the epoch and of the batch."""
        return None

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Does nothing."""


_END = object()


def open_loader(instance: Any, reference: str, split: str, seed: int) -> LoaderBatches | None:
    """The batches of a task's loader of a split; None if it has none.

    Raises:
        UserCodeError: the method fails, or returns something that cannot be read in each epoch.
    """
    name = loader_method(instance, split)
    if name is None:
        return None
    method = getattr(instance, name)
    arguments = {"seed": seed} if "seed" in inspect.signature(method).parameters else {}
    option = f"--task {reference}: {name}"
    with _seeded(derive_seed(seed, "data")):
        loader = call_user_code(option, lambda: method(**arguments))
    if isinstance(loader, list | tuple) and len(loader) == 1:
        loader = loader[0]
    if not hasattr(loader, "__iter__") or hasattr(loader, "__next__"):
        reason = "can be read only once" if hasattr(loader, "__next__") else "has no batches"
        raise UserCodeError(
            f"{option} returns an object of type {type(loader).__name__}, which {reason}",
            hint="return a DataLoader, or an object whose __iter__ starts a new epoch",
        )
    return LoaderBatches(reference, name, loader, seed)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seeds the global generators for this context, and restores them afterwards."""
    with preserved_random_states():
        seed_random_numbers(seed)
        yield
