"""`DataFacts`: the properties of a data set that the resolution of a setting depends on."""

from dataclasses import dataclass

from nnlab.catalogue import Task
from nnlab.settings.user_task import UserTaskFacts


@dataclass(frozen=True, slots=True)
class DataFacts:
    """The properties of a data set that resolution depends on.

    Attributes:
        task: the kind of its targets; custom with a user's task.
        version: SHA-256 of a data file; None for a built-in data set.
        own_test: whether the data set has a test split of its own.
        own_val: whether the data set has a validation split of its own.
        classes: names of the classes; empty if they are unknown until the data is read.
        notes: what was detected in a file or left out of it.
        user_task: of the user's task; None without one.
        num_targets: the number of targets of each example; more than 1 only in regression.
        has_tokens: whether the examples are token ids.
        streamed_only: whether the data cannot be read into memory, only batch by batch.
        batch_size: the batch size of a user's loader, the default of the setting; None if unknown.
        has_own_batches: whether a user's loader forms the batches, so that no other size can be
            chosen.
        num_examples: number of examples; None if it is unknown until the data is read.
    """

    task: Task
    version: str | None = None
    own_test: bool = False
    own_val: bool = False
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    user_task: UserTaskFacts | None = None
    num_targets: int = 1
    has_tokens: bool = False
    streamed_only: bool = False
    batch_size: int | None = None
    has_own_batches: bool = False
    num_examples: int | None = None
