"""`DataFacts`: the properties of a data set that the resolution of a setting depends on."""

from dataclasses import dataclass

from nnlab.catalogue import Task


@dataclass(frozen=True, slots=True)
class DataFacts:
    """The properties of a data set that resolution depends on.

    Attributes:
        task: classification or regression.
        version: SHA-256 of a data file; None for a built-in data set.
        own_test: whether the data set has a test split of its own.
        own_val: whether the data set has a validation split of its own.
        classes: names of the classes; empty if they are unknown until the data is read.
        notes: what was detected in a file or left out of it.
        num_examples: number of examples; None if it is unknown until the data is read.
    """

    task: Task
    version: str | None = None
    own_test: bool = False
    own_val: bool = False
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    num_examples: int | None = None
