"""Diagnosis: what the curves of a run say is wrong with it, and what mends it.

Pure and quick to import: the standard library and the records, nothing else.
"""

from collections.abc import Mapping
from types import MappingProxyType

from nnlab.diagnose.priority import FindingGroup, group_symptoms, sort_by_priority
from nnlab.diagnose.rule import Rule
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.rules import RULES
from nnlab.diagnose.seeds_disagree import SeedsDisagree
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

# Those of a run, and the one of a trial.
ALL_RULES: tuple[Rule, ...] = (*RULES, SeedsDisagree())


def diagnose(
    history: History, setting: Mapping[str, Scalar] = MappingProxyType({})
) -> tuple[Finding, ...]:
    """All findings of a run: causes before their symptoms, what is only worth knowing last.

    Args:
        history: the curves; more of them let more rules speak.
        setting: that of the run, empty for curves from elsewhere.

    Never raises for what a history holds: one that is empty, short, full of NaN or cut in the
    middle yields what can be said of it, which may be nothing.
    """
    case = RuleContext(history, setting)
    return sort_by_priority([found for rule in RULES if (found := rule.check(case)) is not None])
