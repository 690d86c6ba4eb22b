"""`nnlab report`: writes the report of a study, or a folder that reproduces it."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.analysis.scope import resolve_scope
from nnlab.cli import completion
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, ForceOption
from nnlab.cli.output.render import say
from nnlab.cli.train.train import messages
from nnlab.cli.uncertainty_option import UncertaintyOption
from nnlab.io.command_line import quote_command
from nnlab.report.formats import report_format_of
from nnlab.report.reproduce import write_reproduction_folder
from nnlab.report.write import write_report
from nnlab.stats.uncertainty import DEFAULT_UNCERTAINTY

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


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
            help="write a folder that repeats the training and compares the results",
        ),
    ] = None,
    anonymous: Annotated[
        bool,
        typer.Option(
            "--anonymous",
            help="omit hosts, commits, paths and the name of the database, for double-blind review",
        ),
    ] = False,
    uncertainty: UncertaintyOption = DEFAULT_UNCERTAINTY,
    test_set_noise: Annotated[
        bool,
        typer.Option(
            "--test-set-noise",
            help="add to the tables what the finite validation set leaves uncertain",
        ),
    ] = False,
    force: ForceOption = False,
    db: DbOption = None,
) -> None:
    """Write a report: verdict, ranking, curves, findings, remedies, runs and environments.

    An .html report is a single file without external resources. The figures of .md and .tex
    reports are separate files in the same folder.

    [bold]Examples[/bold]

        nnlab report depth -o depth.html

        nnlab report depth -o depth.tex

        nnlab report depth --reproduce depth-again
    """
    path = output or (None if reproduce else Path("report.html"))
    report_format = None if path is None else report_format_of(path)
    with open_db(db) as database:
        scope = resolve_scope(database, study)
        if path is not None and report_format is not None:
            written = write_report(
                database,
                scope,
                path,
                report_format,
                force=force,
                anonymous=anonymous,
                uncertainty=uncertainty,
                sample_noise=test_set_noise,
            )
            if written.claim_study is not None:
                messages.print_verdict(database, written.claim_study)
            say(f"{path}: {written.sentence}")
            for figure in written.figures:
                say(f"{figure}")
        if reproduce is not None:
            description = write_reproduction_folder(database, scope, reproduce)
            say(f"{reproduce}: {description}")
            say(f"next: {quote_command('make', '-C', reproduce, 'reproduce')}", style="dim")
