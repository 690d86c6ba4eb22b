"""`nnlab compare`: a ranking of trials."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from nnlab.analysis.across_tasks import compare_across_tasks
from nnlab.analysis.ranking import rank_each_group
from nnlab.analysis.records import EpochChoice
from nnlab.analysis.scope import resolve_scope
from nnlab.analysis.trial_diff import describe_difference, scope_of_two_trials
from nnlab.cli.open_database import open_db
from nnlab.cli.options import MAX_ROWS, DbOption, Format, StudyOrRunsArgument
from nnlab.cli.output.render import say
from nnlab.cli.results.compare.across_table import print_across_tasks
from nnlab.cli.results.compare.ranking_table import print_rankings
from nnlab.cli.train.train import messages
from nnlab.errors import UsageError
from nnlab.io.redaction import mask_command
from nnlab.stats.comparison import PairedTest
from nnlab.stats.intervals import IntervalMethod


class TableFormat(StrEnum):
    """How a comparison is printed."""

    TABLE = "table"
    LATEX = "latex"
    MARKDOWN = "markdown"
    HTML = "html"
    CSV = "csv"
    JSON = "json"


if TYPE_CHECKING:
    from nnlab.report.paper_table import PaperTable

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

# A screenful; the other formats are for programs, which want all.
_DEFAULT_ROWS = 20


@app.command()
def compare(
    what: StudyOrRunsArgument = None,
    *,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="METRIC", help="metric to rank by \\[default: the study's objective]"
        ),
    ] = None,
    at: Annotated[
        str, typer.Option("--at", metavar="best|last|N", help="each run's best, last or Nth epoch")
    ] = "best",
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            metavar="N",
            min=0,
            max=MAX_ROWS,
            help="so many rows, 0 for all \\[default: 20 in a table]",
        ),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by", metavar="FIELD,...", help="put trials together that agree in these"
        ),
    ] = None,
    across: Annotated[
        str | None,
        typer.Option(
            "--across",
            metavar="FIELD",
            help="compare the values of a field over all data sets, each tuned on each",
        ),
    ] = None,
    interval: Annotated[
        IntervalMethod,
        typer.Option("--interval", help="of the means: Student's t, or the bootstrap of the seeds"),
    ] = IntervalMethod.T,
    test: Annotated[
        PairedTest,
        typer.Option(
            "--test", help="of trials on the same seeds: exact, or for normal differences"
        ),
    ] = PairedTest.T,
    pivot: Annotated[
        str | None,
        typer.Option(
            "--pivot", metavar="FIELD", help="a group of columns for each value, as --pivot data"
        ),
    ] = None,
    transpose: Annotated[
        bool, typer.Option("--transpose", help="what is compared across, what is measured down")
    ] = False,
    mixed: Annotated[
        bool,
        typer.Option("--mixed", help="rank runs together that are not comparable"),
    ] = False,
    caption: Annotated[
        str | None, typer.Option("--caption", metavar="TEXT", help="in place of what says how")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="NAME", help="for \\ref in LaTeX")
    ] = None,
    format: Annotated[  # noqa: A002  the option is called --format
        TableFormat,
        typer.Option("--format", help="how to print; latex, markdown and html are for papers"),
    ] = TableFormat.TABLE,
    db: DbOption = None,
) -> None:
    """Rank trials: a row each, seeds aggregated; only the fields that differ are columns.

    Trials that do not differ significantly from the best share tier 1; those with too few seeds
    have no tier. Two runs: what differs between their trials, and whether it matters.

    Only runs with the same validation data (and, ranked by a loss, the same loss) are ranked
    together: there is a table for each such group.

    [bold]Examples[/bold]

        nnlab compare

        nnlab compare depth --by val/loss --at last

        nnlab compare depth --group-by opt --format json

        nnlab compare 3 7

        nnlab compare small large --across opt

        nnlab compare depth --pivot data --format latex
    """
    with open_db(db) as database:
        scope = resolve_scope(database, what)
        if across is not None:
            if format.value not in set(Format):
                raise UsageError(f"--across is not printed as {format}", hint="--format markdown")
            found = compare_across_tasks(database, scope, across.replace("-", "_"), by=by)
            print_across_tasks(found, Format(format))
            return
        if (
            pivot
            or transpose
            or format
            in (
                TableFormat.LATEX,
                TableFormat.MARKDOWN,
                TableFormat.HTML,
            )
        ):
            from nnlab.cli.results.compare.paper_tables import print_paper_tables
            from nnlab.report.paper_table import paper_tables

            tables = paper_tables(
                database,
                scope,
                by=by,
                at=_parse_at(at),
                top=top or None,
                group_by=_split_fields(group_by),
                pivot=pivot and pivot.lstrip("-").replace("-", "_"),
                interval=interval,
                test=test,
                mixed=mixed,
            )
            tables = tuple(table.transposed() for table in tables) if transpose else tables
            print_paper_tables(
                _with_caption_and_label(tables, caption, label),
                str(format),
                mask_command(sys.argv[1:]),
            )
            return
        if (pair := scope_of_two_trials(database, scope)) is not None:
            scope = pair
        rankings = rank_each_group(
            database,
            scope,
            by=by,
            at=_parse_at(at),
            top=_row_limit(top, Format(format)),
            group_by=_split_fields(group_by),
            interval=interval,
            test=test,
            mixed=mixed,
        )
        print_rankings(rankings, Format(format))
        if pair is not None and format is TableFormat.TABLE:
            for line in describe_difference(rankings):
                say(line)
        if format is TableFormat.TABLE and len(rankings) == 1:
            messages.print_more_seeds_command(database, rankings[0])
        if format is TableFormat.TABLE and scope.studies is not None and len(what or ()) == 1:
            messages.print_verdict(database, scope.title)


def _with_caption_and_label(
    tables: Sequence["PaperTable"], caption: str | None, label: str | None
) -> tuple["PaperTable", ...]:
    """The tables with the caption and label asked for; labels after the first get a number."""
    return tuple(
        replace(
            table,
            caption=caption or table.caption,
            label=f"{label}-{place}" if label and place > 1 else label or table.label,
        )
        for place, table in enumerate(tables, start=1)
    )


def _parse_at(text: str) -> EpochChoice:
    match text:
        case "best":
            return "best"
        case "last":
            return "last"
        case number if number.isdecimal() and int(number) >= 1:
            return int(number)
    raise UsageError(f"--at must be best, last or an epoch from 1 on, got {text}")


def _row_limit(top: int | None, how: Format) -> int | None:
    if top is None:
        return _DEFAULT_ROWS if how is Format.TABLE else None
    return top or None


def _split_fields(text: str | None) -> tuple[str, ...]:
    if not text:
        return ()
    return tuple(field.strip().lstrip("-").replace("-", "_") for field in text.split(","))
