"""`DataFacts`: the properties of a data set that the resolution of a setting depends on."""

from dataclasses import dataclass

from nnlab.catalogue import Task
from nnlab.config.user_task import UserTaskFacts


@dataclass(frozen=True, slots=True)
class DataFacts:
    """The properties of a data set that resolution depends on.

    Attributes:
        task: what kind of targets it has; custom with a user's task.
        version: SHA-256 of a data file; None for a built-in data set.
        own_test: whether the data set has a test split of its own.
        own_val: whether the data set has a validation split of its own.
        classes: names of the classes; empty if they are unknown until the data is read.
        notes: what was detected in a file or left out of it.
        user_task: of the user's task; None without one.
    """

    task: Task
    version: str | None = None
    own_test: bool = False
    own_val: bool = False
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    user_task: UserTaskFacts | None = None
