"""The protocol of diagnosis rules, and the function that creates their findings."""

from collections.abc import Mapping
from typing import Protocol

from nnlab.diagnosis.calibration import calibrated_confidence
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity


class Rule(Protocol):
    """Checks a run for one problem.

    The docstring of a rule is shown to users (`nnlab explain`, docs/rules.md). It has a summary
    and three sections: Detects, Why it matters, What to try.
    """

    @property
    def code(self) -> str:
        """`NN` and three digits, never changed; the first digit is the group of the rule."""

    @property
    def name(self) -> str:
        """The short name that tables show, in lower case."""

    @property
    def remedy(self) -> str:
        """What to try, in one line."""

    def check(self, context: RuleContext) -> Finding | None:
        """The finding with its evidence, or None if the problem was not detected."""


# Findings with a lower confidence are not reported.
MIN_CONFIDENCE = 0.5


def make_finding(
    rule: Rule,
    severity: Severity,
    confidence: float,
    onset: int | None,
    message: str,
    evidence: Mapping[str, float],
    *,
    remedy: str | None = None,
) -> Finding | None:
    """A rule's finding, or None if its confidence is too low.

    `remedy` replaces that of the rule, for example in a user's model without options. The
    confidence of warnings and errors is calibrated on runs with a known truth; whether a note of
    severity info is correct cannot be measured.
    """
    if confidence < MIN_CONFIDENCE:
        return None
    if severity is not Severity.INFO:
        confidence = calibrated_confidence(rule.code, confidence)
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=severity,
        confidence=confidence,
        onset=onset,
        message=message,
        remedy=rule.remedy if remedy is None else remedy,
        evidence=dict(evidence),
    )
