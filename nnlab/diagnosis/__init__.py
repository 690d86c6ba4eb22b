"""Diagnosis of runs from their curves: rules, findings and remedies.

The modules are pure and import only the standard library and the records, so they import fast.
"""

from collections.abc import Mapping
from types import MappingProxyType

from nnlab.diagnosis.plugin_rules import check_plugin_rules, plugin_rules
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
    "all_rules",
    "diagnose",
    "group_symptoms",
]

# The built-in rules for single runs, and the rule for the seeds of a trial.
ALL_RULES: tuple[Rule, ...] = (*RULES, SeedsDisagree())


def all_rules() -> tuple[Rule, ...]:
    """The built-in rules, and those of the installed plugins, imported now."""
    return (*ALL_RULES, *plugin_rules())


def diagnose(
    history: History, setting: Mapping[str, Scalar] = MappingProxyType({})
) -> tuple[Finding, ...]:
    """All findings of a run: causes before their symptoms, findings of severity info last.

    The rules of plugins are checked too; their findings come after those of the built-in rules.

    No content of a history raises an error: one that is empty, short or full of NaN has few
    findings or none.

    Args:
        history: the curves; some rules need curves beyond the losses.
        setting: the setting of the run; empty for curves from elsewhere.
    """
    context = RuleContext(history, setting)
    findings = [rule.check(context) for rule in RULES]
    findings += check_plugin_rules(context)
    return sort_by_priority([finding for finding in findings if finding is not None])
