"""`nnlab explain`: explains the findings of the diagnosis."""

import inspect
from collections.abc import Sequence
from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render, say
from nnlab.diagnosis import ALL_RULES, Rule, all_rules
from nnlab.errors import UnknownName

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

# All built-in codes begin with it.
_BUILTIN_PREFIX = "NN"

COLUMNS = (
    TableColumn("code", "code"),
    TableColumn("name", "name", wrap=True),
    TableColumn("summary", "description", wrap=True),
)


@app.command()
def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE",
            show_default=False,
            help="such as NN101 \\[default: list all]",
            autocompletion=completion.findings,
        ),
    ] = None,
) -> None:
    """Explain a finding: how it is detected, why it matters, what to try.

    [bold]Examples[/bold]

        nnlab explain

        nnlab explain NN101
    """
    if code is None:
        rows = [
            {
                "code": rule.code,
                "name": rule.name,
                "summary": _rule_description(rule).partition("\n")[0],
            }
            for rule in all_rules()
        ]
        render(rows, COLUMNS, Format.TABLE)
        return
    rule = _find_rule(code.upper(), ALL_RULES) or _find_rule(code.upper(), all_rules())
    if rule is None:
        error = UnknownName("finding", code, [rule.code for rule in all_rules()])
        if not code.upper().startswith(_BUILTIN_PREFIX):
            # A database may have findings of a plugin that this machine does not have.
            error.hint = "a finding of a plugin is explained where its package is installed"
        raise error
    say(f"{rule.code} {rule.name}", style="bold")
    say(_rule_description(rule))
    say("")
    say(f"In short: {rule.remedy}.")
    requirements = inspect.getdoc(rule.check) or ""
    say(requirements, style="dim")


def _find_rule(code: str, rules: Sequence[Rule]) -> Rule | None:
    return next((rule for rule in rules if rule.code == code), None)


def _rule_description(rule: object) -> str:
    return inspect.cleandoc(type(rule).__doc__ or "")
