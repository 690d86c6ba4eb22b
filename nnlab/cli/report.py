"""`nnlab report`: a study in a file."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab import store
from nnlab.cli import announce, completion
from nnlab.cli.options import Db
from nnlab.cli.place import opened
from nnlab.cli.render import say
from nnlab.errors import UsageError
from nnlab.files import write_whole
from nnlab.report.scope import scope_of

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

    A study with a claim is answered with its verdict, and figures beside the report.

    [bold]Example[/bold]

        nnlab report depth -o depth.md
    """
    from nnlab.report import markdown

    if output.suffix.lower() not in (".md", ".markdown"):
        raise UsageError(
            f"-o {output}: a report is written as .md", hint=f"-o {output.with_suffix('.md')}"
        )
    with opened(db) as database:
        scope = scope_of(database, [study] if study else None)
        figures = _figures(database, study, output)
        text = markdown.report(database, scope, [figure.name for figure in figures])
        write_whole(output, text.encode())
        if study is not None and figures:
            announce.verdict(database, study)
    say(f"{output}: {len(text.splitlines())} lines")
    for figure in figures:
        say(f"{figure}")


def _figures(db: store.Database, study: str | None, output: Path) -> list[Path]:
    """The figures of a study with a claim, drawn beside the report."""
    known = {found.name: found for found in store.all_studies(db)}
    if study not in known or not known[study].decides:
        return []
    from nnlab.report.figures.claim import draw_claim

    return draw_claim(db, known[study], output.with_suffix(""))
