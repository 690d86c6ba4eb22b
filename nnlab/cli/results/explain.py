"""`nnlab explain`: what a finding means."""

import inspect
from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.options import Format
from nnlab.cli.output.render import TableColumn, render, say
from nnlab.diagnose import ALL_RULES
from nnlab.errors import UnknownName

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("code", "code"),
    TableColumn("name", "name", wrap=True),
    TableColumn("summary", "what it is", wrap=True),
)


@app.command()
def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE",
            show_default=False,
            help="such as NN101 \\[default: a list of all]",
            autocompletion=completion.findings,
        ),
    ] = None,
) -> None:
    """Explain a finding: what it rests on, why it matters, what to try.

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
    found = next((rule for rule in ALL_RULES if rule.code == code.upper()), None)
    if found is None:
        raise UnknownName("finding", code, [rule.code for rule in ALL_RULES])
    say(f"{found.code} {found.name}", style="bold")
    say(_rule_description(found))
    say("")
    say(f"In a line: {found.remedy}.")
    needs = inspect.cleandoc(type(found).check.__doc__ or "")
    say(needs, style="dim")


def _rule_description(rule: object) -> str:
    return inspect.cleandoc(type(rule).__doc__ or "")
