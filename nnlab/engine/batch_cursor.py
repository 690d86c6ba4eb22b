"""`BatchCursor`: reads training batches from a source, and knows its position for a checkpoint."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nnlab.engine.streaming.batch_source import BatchSource
from nnlab.errors import DataError

_END = object()


class BatchCursor:
    """The position in consecutive passes over the training batches.

    A pass reads all batches of the source once. Passes and epochs are the same unless an epoch is
    a number of steps (`--steps`).

    Attributes:
        pass_number: the current pass, from 1.
        batch: the number of batches of the current pass that were read.
    """

    def __init__(self, source: BatchSource) -> None:
        self.pass_number, self.batch = 1, 0
        self._source = source
        self._iterator: Iterator[Any] | None = None
        self._loader_state: Mapping[str, Any] | None = None

    @property
    def can_resume(self) -> bool:
        """Whether reading can continue at the current position after a restart."""
        return self.batch == 0 or self._source.can_start_inside_epoch

    def read_pass(self) -> Iterator[Any]:
        """The remaining batches of the current pass; afterwards the next pass begins.

        Raises:
            DataError: the pass has no batches.
        """
        if self._iterator is None:
            if self._loader_state is not None:
                self._source.load_state_dict(self._loader_state)
                self._loader_state = None
            self._iterator = self._source.epoch(self.pass_number, self.batch)
        for batch in self._iterator:
            self.batch += 1
            yield batch
        if self.batch == 0:
            raise DataError(f"the training data has no batches in epoch {self.pass_number}")
        self.pass_number, self.batch, self._iterator = self.pass_number + 1, 0, None

    def read_steps(self, count: int) -> Iterator[Any]:
        """The next `count` batches, from as many passes as necessary."""
        remaining = count
        while remaining > 0:
            for batch in self.read_pass():
                remaining -= 1
                yield batch
                if remaining == 0:
                    return

    def state_dict(self) -> dict[str, Any]:
        """The position, with that of a loader that has its own."""
        is_inside = self.batch > 0 and self._source.can_start_inside_epoch
        loader = self._source.state_dict() if is_inside else None
        return {"pass": self.pass_number, "batch": self.batch, "loader": loader}

    def load_state_dict(self, state: Mapping[str, Any], note: Callable[[str], None]) -> None:
        """Continues at a position.

        Args:
            state: from `state_dict`.
            note: called if the source cannot continue there; the next pass begins instead.
        """
        self.pass_number, self.batch = state["pass"], state["batch"]
        self._loader_state, self._iterator = state["loader"], None
        if not self.can_resume:
            note(
                f"the loader cannot continue after batch {self.batch} of pass {self.pass_number}"
                " over the data: the next pass begins"
            )
            self.pass_number, self.batch = self.pass_number + 1, 0
