"""`BatchSource`: the batches of one split of streamed data, as the training loop reads them."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol


class BatchSource(Protocol):
    """The batches of one split, as a loader yields them: nested tensors on the CPU.

    Only one epoch of a source is read at a time: starting another one ends the one before it.

    Attributes:
        batches_per_epoch: None if it is unknown until the epoch has ended.
        num_examples: None if it is unknown.
        can_start_inside_epoch: whether `epoch(e, start=k)` continues an epoch that was interrupted
            after k batches. If `state_dict` is not None, this needs the state of that moment,
            loaded by `load_state_dict` before.
    """

    @property
    def batches_per_epoch(self) -> int | None:
        """The number of batches of each epoch."""

    @property
    def num_examples(self) -> int | None:
        """The number of examples of an epoch."""

    @property
    def can_start_inside_epoch(self) -> bool:
        """Whether `epoch(e, start=k)` yields exactly the batches k, k+1, ... of `epoch(e)`."""

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """The batches of an epoch from batch `start` on.

        Args:
            number: the epoch, from 1.
            start: the number of batches that are left out at the beginning.
        """

    def state_dict(self) -> Mapping[str, Any] | None:
        """The position of a loader that saves its own; None if `epoch` needs only numbers."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The next call of `epoch` continues at this position."""
