"""Rules by their code, and their descriptions as `nnlab explain` and other readers show them."""

import inspect
import re
from collections.abc import Sequence

from nnlab.diagnosis import ALL_RULES, Rule, all_rules
from nnlab.errors import UnknownName

# All built-in codes begin with it.
_BUILTIN_PREFIX = "NN"
# A line break inside a paragraph; those before a list item, a table or an indented line are kept.
_LINE_BREAK = re.compile(r"(?<=\S)\n(?=[^\s*|-])")


def find_rule(code: str) -> Rule:
    """The rule of a code in upper or lower case, built in or of a plugin.

    Raises:
        UnknownName: there is none.
    """
    # Plugins are imported only for codes that are not built in.
    rule = _first_with_code(code, ALL_RULES) or _first_with_code(code, all_rules())
    if rule is None:
        error = UnknownName("finding", code, [rule.code for rule in all_rules()])
        if not code.upper().startswith(_BUILTIN_PREFIX):
            # A database may have findings of a plugin that this machine does not have.
            error.hint = "a finding of a plugin is explained where its package is installed"
        raise error
    return rule


def _first_with_code(code: str, rules: Sequence[Rule]) -> Rule | None:
    return next((rule for rule in rules if rule.code == code.upper()), None)


def rule_description(rule: Rule) -> str:
    """The description of a rule: a summary, what it detects, why it matters, what to try.

    Each paragraph is one line, which the reader wraps to its own width.
    """
    return _LINE_BREAK.sub(" ", inspect.cleandoc(type(rule).__doc__ or ""))


def rule_summary(rule: Rule) -> str:
    """The first line of the description."""
    return rule_description(rule).partition("\n")[0]


def rule_requirements(rule: Rule) -> str:
    """What a run must have so that the rule can decide."""
    return inspect.getdoc(rule.check) or ""
