"""A trial that is compared with the best one, for the brackets of `--brackets`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ComparedTrial:
    """A trial that is compared with the best one: its index in the ranking, and its p value.

    `text` is the adjusted p value as it is written at the bracket.
    """

    index: int
    text: str
