"""`StreamBatches`: batches of an IterableDataset or of another loader, read from the beginning."""

import copy
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nnlab.engine.random_state import (
    preserved_random_states,
    random_states,
    seed_random_numbers,
    set_random_states,
)
from nnlab.engine.seeds import derive_seed


class StreamBatches:
    """Batches of a loader whose items have no index.

    The loader draws random numbers of its own, seeded from (seed, epoch). `set_epoch` is called for
    a loader or data set that has it. An epoch can be continued inside if the loader, or its data
    set, has `state_dict` and `load_state_dict`.
    """

    def __init__(
        self,
        loader: Iterable[Any],
        *,
        seed: int,
        stateful: Any = None,
        epoch_owners: tuple[Any, ...] = (),
        batches_per_epoch: int | None = None,
        num_examples: int | None = None,
        fixed_epoch: int | None = None,
    ) -> None:
        """Batches of a loader.

        Args:
            loader: starts an epoch with each `iter`.
            seed: the run's seed.
            stateful: the object with `state_dict` and `load_state_dict`; None if there is none.
            epoch_owners: objects whose `set_epoch` is called with the epoch, from 0.
            batches_per_epoch: None if it is unknown.
            num_examples: None if it is unknown.
            fixed_epoch: the epoch of the random numbers, if it is always the same.
        """
        self.batches_per_epoch = batches_per_epoch
        self.num_examples = num_examples
        self.can_start_inside_epoch = stateful is not None
        self._loader = loader
        self._seed = seed
        self._stateful = stateful
        self._epoch_owners = epoch_owners
        self._fixed_epoch = fixed_epoch
        self._position = (0, 0)  # the epoch, and the number of batches that were read
        self._states: Any = None
        self._is_inside = False  # an epoch was begun and has not ended
        self._initial = None if stateful is None else copy.deepcopy(stateful.state_dict())
        self._restored: Mapping[str, Any] | None = None

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """The batches of an epoch, from 1; without a loaded state, `start` of them are skipped."""
        state, self._restored = self._restored, None
        if state is not None and tuple(state["position"]) != (number, start):
            state = None
        source_epoch = number if self._fixed_epoch is None else self._fixed_epoch
        for owner in self._epoch_owners:
            owner.set_epoch(source_epoch - 1)
        with preserved_random_states():
            seed_random_numbers(derive_seed(self._seed, "sampler", source_epoch))
            if state is not None:
                self._stateful.load_state_dict(state["loader"])
            elif self._initial is not None and self._is_inside:
                self._stateful.load_state_dict(copy.deepcopy(self._initial))
            self._is_inside = True
            with warnings.catch_warnings():
                # Newer versions of Python warn about forking a process that has threads.
                warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
                iterator = iter(self._loader)
            if state is not None:
                set_random_states(state["random"])
            self._states = random_states()
        self._position = (number, start if state is not None else 0)
        return self._batches(iterator, number, start)

    def _batches(self, iterator: Iterator[Any], number: int, start: int) -> Iterator[Any]:
        while True:
            with preserved_random_states():
                set_random_states(self._states)
                try:
                    batch = next(iterator)
                except StopIteration:
                    self._is_inside = False
                    return
                finally:
                    self._states = random_states()
            read = self._position[1] + 1
            self._position = (number, read)
            if read > start:
                yield batch

    def state_dict(self) -> Mapping[str, Any] | None:
        """The state of the loader after the last batch; None if it has no `state_dict`."""
        if self._stateful is None:
            return None
        return {
            "position": self._position,
            "loader": copy.deepcopy(self._stateful.state_dict()),
            "random": self._states,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The next epoch continues at this position, if it is started at this batch."""
        self._restored = state
