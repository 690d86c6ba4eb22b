"""`nnlab explain`: explains the findings of the diagnosis."""

from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render, say
from nnlab.diagnosis import all_rules
from nnlab.diagnosis.rule_texts import (
    find_rule,
    rule_description,
    rule_requirements,
    rule_summary,
)

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

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
            {"code": rule.code, "name": rule.name, "summary": rule_summary(rule)}
            for rule in all_rules()
        ]
        render(rows, COLUMNS, Format.TABLE)
        return
    rule = find_rule(code)
    say(f"{rule.code} {rule.name}", style="bold")
    say(rule_description(rule))
    say("")
    say(f"In short: {rule.remedy}.")
    say(rule_requirements(rule), style="dim")
