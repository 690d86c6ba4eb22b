"""Diagnosis: what the curves of a run say is wrong with it, and what mends it.

Pure and quick to import: the standard library and the records, nothing else.
"""

from nnlab.diagnose.rule import Rule
from nnlab.diagnose.rules import RULES
from nnlab.records import Finding, History, Severity

__all__ = ["RULES", "Rule", "diagnose"]

_WORST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def diagnose(history: History) -> tuple[Finding, ...]:
    """All findings of a run, the most severe first, the surer first among equals.

    Never raises for what a history holds: one that is empty, short, full of NaN or cut in the
    middle yields what can be said of it, which may be nothing.
    """
    found = [finding for rule in RULES if (finding := rule.check(history)) is not None]
    found.sort(key=lambda f: (_WORST_FIRST.index(f.severity), -f.confidence, f.code))
    return tuple(found)
