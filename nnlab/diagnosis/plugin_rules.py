"""The diagnosis rules of plugins, added to the built-in ones by `all_rules` and `diagnose`."""

import re
from collections.abc import Sequence
from typing import cast

from nnlab.catalogue.plugins import Plugin, PluginTable
from nnlab.diagnosis.rule import Rule
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding

# nnlab keeps the codes NN000 to NN899.
CODE_PATTERN = re.compile(r"(?!NN[0-8])[A-Z]{2,5}[0-9]{3}")

RULE_PLUGINS = PluginTable(
    "nnlab.rules",
    "rule",
    "Rule",
    (),
    attributes=("code", "name", "remedy", "check"),
    name_attribute="code",
    name_pattern=CODE_PATTERN,
    name_rule="2 to 5 capital letters and 3 digits; those from NN000 to NN899 are nnlab's",
)


def plugin_rules() -> tuple[Rule, ...]:
    """The rules of the installed plugins, imported now, sorted by code."""
    return tuple(cast("Rule", plugin.target) for plugin in RULE_PLUGINS.all())


def check_plugin_rules(context: RuleContext) -> Sequence[Finding]:
    """The findings of the rules of plugins; a rule that fails is recorded as broken and skipped."""
    findings = []
    for plugin in RULE_PLUGINS.all():
        finding = _check_rule(plugin, context)
        if finding is not None:
            findings.append(finding)
    return findings


def _check_rule(plugin: Plugin, context: RuleContext) -> Finding | None:
    rule = cast("Rule", plugin.target)
    try:
        finding = rule.check(context)
    except Exception as error:  # noqa: BLE001  a plugin may raise anything; the others are checked
        reason = f"its check raises {type(error).__name__}: {error}"
    else:
        if finding is None:
            return None
        if isinstance(finding, Finding) and finding.code == rule.code:
            return finding
        reason = "its check returns neither None nor a finding with its code"
    RULE_PLUGINS.report_broken(plugin.name, f"{plugin.package} {plugin.package_version}", reason)
    return None
