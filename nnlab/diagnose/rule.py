"""What every rule of the diagnosis is."""

from collections.abc import Mapping
from typing import Protocol

from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity


class Rule(Protocol):
    """Reads a case and answers with a finding or None.

    The docstring of a rule has three parts, which users read: What it finds, Why it matters,
    What to try. `code` is stable for ever; `name` is the short one that tables show.
    """

    @property
    def code(self) -> str:
        """`NN` and three digits; the first digit groups rules of a kind."""

    @property
    def name(self) -> str:
        """A word or two, in lower case."""

    @property
    def remedy(self) -> str:
        """What to try, in a line."""

    def check(self, case: RuleContext) -> Finding | None:
        """The finding with its evidence, or None where the rule does not hold."""


# From this confidence on a finding is said aloud.
MIN_CONFIDENCE = 0.5


def make_finding(
    rule: Rule,
    severity: Severity,
    confidence: float,
    onset: int | None,
    message: str,
    evidence: Mapping[str, float],
) -> Finding | None:
    """A rule's finding, or None where it is not sure enough to be said."""
    if confidence < MIN_CONFIDENCE:
        return None
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=severity,
        confidence=confidence,
        onset=onset,
        message=message,
        remedy=rule.remedy,
        evidence=dict(evidence),
    )
