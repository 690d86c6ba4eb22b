"""What every rule of the diagnosis is."""

from typing import Protocol

from nnlab.records import Finding, History


class Rule(Protocol):
    """Reads a history and answers with a finding or None.

    The docstring of a rule has three parts, which users read: What it finds, Why it matters,
    What to try. `code` is stable for ever; `name` is the short one that tables show.
    """

    @property
    def code(self) -> str:
        """`NN` and three digits; the first digit groups rules of a kind."""

    @property
    def name(self) -> str:
        """A word or two, in lower case."""

    def check(self, history: History) -> Finding | None:
        """The finding with its evidence, or None where the rule does not hold."""
