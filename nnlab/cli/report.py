"""`nnlab report`: a study in a file."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.options import Db
from nnlab.cli.place import opened
from nnlab.cli.render import say
from nnlab.cli.scope import scope_of
from nnlab.errors import UsageError
from nnlab.files import write_whole

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def report(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY",
            show_default=False,
            help="a study \\[default: the whole database]",
            autocompletion=completion.studies,
        ),
    ] = None,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.md", help="where to write it")
    ] = Path("report.md"),
    db: Db = None,
) -> None:
    """Write a report: the question, the findings, the ranking, what was run and where.

    [bold]Example[/bold]

        nnlab report depth -o depth.md
    """
    from nnlab.report import markdown

    if output.suffix.lower() not in (".md", ".markdown"):
        raise UsageError(
            f"-o {output}: a report is written as .md", hint=f"-o {output.with_suffix('.md')}"
        )
    with opened(db) as database:
        text = markdown.report(database, scope_of(database, [study] if study else None))
    write_whole(output, text.encode())
    say(f"{output}: {len(text.splitlines())} lines")
