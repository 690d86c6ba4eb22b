"""`nnlab report`: a study in a file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnlab import store
from nnlab.analysis.scope import Scope, resolve_scope
from nnlab.cli import completion
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, ForceOption
from nnlab.cli.output.render import say
from nnlab.cli.train.train import messages
from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.io.file_origin import check_replaceable
from nnlab.io.files import check_writable, write_atomic

if TYPE_CHECKING:
    from nnlab.report.contents import Report

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_FORMAT_BY_SUFFIX: Mapping[str, str] = {
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
    force: ForceOption = False,
    db: DbOption = None,
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
    how = None if chosen is None else _format_of(chosen)
    with open_db(db) as database:
        scope = resolve_scope(database, study)
        if chosen is not None and how is not None:
            _write_report(database, scope, chosen, how, force=force)
        if reproduce is not None:
            from nnlab.report.reproduce import write_reproduction_folder

            made = write_reproduction_folder(database, scope, reproduce)
            say(f"{reproduce}: {made}")
            say(f"next: {quote_command('make', '-C', reproduce, 'reproduce')}", style="dim")


def _format_of(path: Path) -> str:
    found = _FORMAT_BY_SUFFIX.get(path.suffix.lower())
    if found is None:
        raise UsageError(
            f"-o {path}: a report is written as .html, .md or .tex",
            hint=f"-o {path.with_suffix('.html')}",
        )
    return found


def _write_report(db: store.Database, scope: Scope, output: Path, how: str, *, force: bool) -> None:
    from nnlab.report.contents import build_report

    check_writable(output)
    check_replaceable([output], force=force)
    found = build_report(db, scope)
    figures = (
        []
        if how == "html"
        else _write_figures(db, found, output, "pdf" if how == "latex" else "png", force=force)
    )
    text = _writers_by_format()[how](found, [figure.name for figure in figures])
    write_atomic(output, text.encode())
    if found.verdicts and len(found.studies) == 1:
        messages.print_verdict(db, found.studies[0].name)
    say(f"{output}: {found.sentence}")
    for figure in figures:
        say(f"{figure}")


def _writers_by_format() -> Mapping[str, "Callable[[Report, list[str]], str]"]:
    from nnlab.report.latex import report_as_latex
    from nnlab.report.markdown import report_as_markdown
    from nnlab.report.page import report_as_html

    return {
        "html": lambda report, _: report_as_html(report),
        "markdown": report_as_markdown,
        "latex": report_as_latex,
    }


def _write_figures(
    db: store.Database, found: "Report", output: Path, kind: str, *, force: bool
) -> list[Path]:
    """The figures of a report, drawn beside it: those of a claim, or the curves."""
    stem = output.with_suffix("")
    if found.verdicts and len(found.studies) == 1:
        from nnlab.figures.kinds.claim import claim_files, save_claim_figures

        check_replaceable(claim_files(stem, kind), force=force)
        return save_claim_figures(db, *found.verdicts[0], stem, kind)
    from nnlab.figures.draw.save import save_figure
    from nnlab.figures.kinds.curves import draw_curves

    groups = [group for group in found.groups if group.series]
    paths = [
        stem.with_name(f"{stem.name}-curves{'' if place == 1 else f'-{place}'}.{kind}")
        for place in range(1, len(groups) + 1)
    ]
    check_replaceable(paths, force=force)
    for group, path in zip(groups, paths, strict=True):
        save_figure(draw_curves(group.series[:6], loss=group.loss), path, {"report": output.name})
    return paths
