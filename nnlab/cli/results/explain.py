"""`nnlab explain`: explains the findings of the diagnosis."""

import inspect
from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render, say
from nnlab.diagnosis import ALL_RULES
from nnlab.errors import UnknownName

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
            {
                "code": rule.code,
                "name": rule.name,
                "summary": _rule_description(rule).splitlines()[0],
            }
            for rule in ALL_RULES
        ]
        render(rows, COLUMNS, Format.TABLE)
        return
    rule = {rule.code: rule for rule in ALL_RULES}.get(code.upper())
    if rule is None:
        raise UnknownName("finding", code, [rule.code for rule in ALL_RULES])
    say(f"{rule.code} {rule.name}", style="bold")
    say(_rule_description(rule))
    say("")
    say(f"In short: {rule.remedy}.")
    requirements = inspect.cleandoc(type(rule).check.__doc__ or "")
    say(requirements, style="dim")


def _rule_description(rule: object) -> str:
    return inspect.cleandoc(type(rule).__doc__ or "")
