"""`nnlab report`: a study in a file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnlab import store
from nnlab.analysis.scope import Scope, scope_of
from nnlab.cli import completion
from nnlab.cli.database_option import opened
from nnlab.cli.options import Db, Force
from nnlab.cli.output.render import say
from nnlab.cli.train.train import summary
from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.io.file_origin import check_replaceable
from nnlab.io.files import check_place, write_whole

if TYPE_CHECKING:
    from nnlab.report.contents import Report

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_FORMATS: Mapping[str, str] = {
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
}


@app.command()
def report(
    study: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STUDY|RUN",
            show_default=False,
            help="a study, or runs by number or name \\[default: the whole database]",
            autocompletion=completion.studies_and_runs,
        ),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="a .html, .md or .tex file \\[default: report.html]",
        ),
    ] = None,
    reproduce: Annotated[
        Path | None,
        typer.Option(
            "--reproduce",
            metavar="FOLDER",
            help="write a folder that trains it again and compares the numbers",
        ),
    ] = None,
    force: Force = False,
    db: Db = None,
) -> None:
    """Write a report: verdict, ranking, curves, findings, remedies, what was run and where.

    A page (.html) is one file that asks no network for anything. With .md and .tex the figures
    lie beside the report.

    [bold]Examples[/bold]

        nnlab report depth -o depth.html

        nnlab report depth -o depth.tex

        nnlab report depth --reproduce depth-again
    """
    chosen = output or (None if reproduce else Path("report.html"))
    how = None if chosen is None else _format(chosen)
    with opened(db) as database:
        scope = scope_of(database, study)
        if chosen is not None and how is not None:
            _write(database, scope, chosen, how, force=force)
        if reproduce is not None:
            from nnlab.report.reproduce import write_folder

            made = write_folder(database, scope, reproduce)
            say(f"{reproduce}: {made}")
            say(f"next: {quote_command('make', '-C', reproduce, 'reproduce')}", style="dim")


def _format(path: Path) -> str:
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise UsageError(
            f"-o {path}: a report is written as .html, .md or .tex",
            hint=f"-o {path.with_suffix('.html')}",
        )
    return found


def _write(db: store.Database, scope: Scope, output: Path, how: str, *, force: bool) -> None:
    from nnlab.report.contents import contents

    check_place(output)
    check_replaceable([output], force=force)
    found = contents(db, scope)
    figures = (
        []
        if how == "html"
        else _figures(db, found, output, "pdf" if how == "latex" else "png", force=force)
    )
    text = _writers()[how](found, [figure.name for figure in figures])
    write_whole(output, text.encode())
    if found.verdicts and len(found.studies) == 1:
        summary.verdict(db, found.studies[0].name)
    say(f"{output}: {found.sentence}")
    for figure in figures:
        say(f"{figure}")


def _writers() -> Mapping[str, "Callable[[Report, list[str]], str]"]:
    from nnlab.report.latex import as_tex
    from nnlab.report.markdown import as_markdown
    from nnlab.report.page import as_html

    return {
        "html": lambda report, _: as_html(report),
        "markdown": as_markdown,
        "latex": as_tex,
    }


def _figures(
    db: store.Database, found: "Report", output: Path, kind: str, *, force: bool
) -> list[Path]:
    """The figures of a report, drawn beside it: those of a claim, or the curves."""
    stem = output.with_suffix("")
    if found.verdicts and len(found.studies) == 1:
        from nnlab.figures.kinds.claim import claim_files, draw_claim

        check_replaceable(claim_files(stem, kind), force=force)
        return draw_claim(db, found.studies[0], stem, kind)
    from nnlab.figures.draw.curves import curves
    from nnlab.figures.draw.save import save

    groups = [group for group in found.groups if group.series]
    paths = [
        stem.with_name(f"{stem.name}-curves{'' if place == 1 else f'-{place}'}.{kind}")
        for place in range(1, len(groups) + 1)
    ]
    check_replaceable(paths, force=force)
    for group, path in zip(groups, paths, strict=True):
        save(curves(group.series[:6], loss=group.loss), path, {"report": output.name})
    return paths
