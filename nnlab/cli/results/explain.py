"""`nnlab explain`: explains the findings of the diagnosis, and the training of a setting."""

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

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


class ExplainCommand(TyperCommand):
    """The command that explains a finding; `nnlab explain train` is a command of its own."""

    def make_context(
        self, info_name: Any, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """The context of this command, or that of `nnlab explain train`."""
        if args[:1] != ["train"]:
            return super().make_context(info_name, args, parent=parent, **extra)
        # Imported only here: its options are those of a setting, which a finding does not need.
        from nnlab.cli.results.explain_train import train_command

        name = f"{info_name} train"
        return train_command().make_context(name, args[1:], parent=parent, **extra)


@app.command(cls=ExplainCommand)
def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE|train",
            show_default=False,
            help="a finding, such as NN101, or train \\[default: list all findings]",
            autocompletion=completion.explained,
        ),
    ] = None,
) -> None:
    """Explain a finding: how it is detected, why it matters, what to try.

    nnlab explain train explains the training of a setting as a plain PyTorch script.

    [bold]Examples[/bold]

        nnlab explain

        nnlab explain NN101

        nnlab explain train --opt adam --decay exp
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
