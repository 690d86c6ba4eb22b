"""Diagnosis of runs from their curves: rules, findings and remedies.

The modules are pure and import only the standard library and the records, so they import fast.
"""

from collections.abc import Mapping
from types import MappingProxyType

from nnlab.diagnosis.priority import FindingGroup, group_symptoms, sort_by_priority
from nnlab.diagnosis.rule import Rule
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.rules import RULES
from nnlab.diagnosis.seeds_disagree import SeedsDisagree
from nnlab.records import Finding, History, Scalar

__all__ = [
    "ALL_RULES",
    "RULES",
    "FindingGroup",
    "Rule",
    "RuleContext",
    "SeedsDisagree",
    "diagnose",
    "group_symptoms",
]

# The rules for single runs, and the rule for the seeds of a trial.
ALL_RULES: tuple[Rule, ...] = (*RULES, SeedsDisagree())


def diagnose(
    history: History, setting: Mapping[str, Scalar] = MappingProxyType({})
) -> tuple[Finding, ...]:
    """All findings of a run: causes before their symptoms, findings of severity info last.

    No content of a history raises an error: one that is empty, short or full of NaN has few
    findings or none.

    Args:
        history: the curves; some rules need curves beyond the losses.
        setting: the setting of the run; empty for curves from elsewhere.
    """
    context = RuleContext(history, setting)
    findings = [rule.check(context) for rule in RULES]
    return sort_by_priority([finding for finding in findings if finding is not None])
