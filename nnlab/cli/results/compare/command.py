"""`nnlab compare`: ranks trials."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from nnlab import store
from nnlab.analysis.ablation import ablations
from nnlab.analysis.claim_values import claim_values_of_scope
from nnlab.analysis.extra_columns import parse_costs
from nnlab.analysis.methods_by_task import methods_by_task
from nnlab.analysis.ranking_options import parse_epoch_choice, parse_field_names
from nnlab.analysis.records import RankingRequest
from nnlab.analysis.scope import Scope, resolve_scope
from nnlab.analysis.table_ranking import table_rankings
from nnlab.analysis.trial_diff import describe_difference, scope_of_two_trials
from nnlab.cli.open_database import open_db
from nnlab.cli.options import MAX_ROWS, DbOption, StudyOrRunsArgument
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import say
from nnlab.cli.results.compare.ablation import print_ablations
from nnlab.cli.results.compare.across_table import print_across_tasks
from nnlab.cli.results.compare.paper_tables import print_paper_tables
from nnlab.cli.results.compare.ranking_table import print_rankings
from nnlab.cli.results.compare.text_tables import TextOutput
from nnlab.cli.train.train import messages
from nnlab.cli.uncertainty_option import UncertaintyOption
from nnlab.errors import UsageError
from nnlab.io.anonymous import hide_folders
from nnlab.io.redaction import mask_command
from nnlab.report.paper_table import PaperTable, paper_tables
from nnlab.stats.comparison import PairedTest
from nnlab.stats.intervals import IntervalMethod
from nnlab.stats.uncertainty import DEFAULT_UNCERTAINTY

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

# Rows of a table that fit on a screen; the other formats print all rows by default.
_DEFAULT_ROWS = 20


class TableFormat(StrEnum):
    """Output format of a comparison."""

    TABLE = "table"
    LATEX = "latex"
    MARKDOWN = "markdown"
    HTML = "html"
    CSV = "csv"
    JSON = "json"
    TYPST = "typst"


# Formats that only the tables for papers have.
_PAPER_FORMATS = (
    TableFormat.LATEX,
    TableFormat.MARKDOWN,
    TableFormat.HTML,
    TableFormat.TYPST,
)


@app.command()
def compare(
    names: StudyOrRunsArgument = None,
    *,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            "--metric",
            metavar="METRIC",
            help="metric to rank by, as val/f1 or val/gini:max \\[default: the study's objective]",
        ),
    ] = None,
    at: Annotated[
        str,
        typer.Option(
            "--at", metavar="best|last|N", help="the best, the last or the Nth epoch of each run"
        ),
    ] = "best",
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            metavar="N",
            min=0,
            max=MAX_ROWS,
            help="maximum number of rows, 0 for all \\[default: 20 in a table]",
        ),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            metavar="FIELD,...",
            help="combine trials with equal values of these fields",
        ),
    ] = None,
    across: Annotated[
        str | None,
        typer.Option(
            "--across",
            metavar="FIELD",
            help="compare the values of a field over all data sets, each tuned per data set",
        ),
    ] = None,
    ablation: Annotated[
        str | None,
        typer.Option(
            "--ablation",
            metavar="BASE",
            help="the effect of each single change of a base: a run, or settings (opt=sgd,lr=0.1)",
        ),
    ] = None,
    relative: Annotated[
        str | None,
        typer.Option(
            "--relative",
            metavar="BASE",
            help="add the change from a base in percent: a run, or settings (opt=sgd,lr=0.1)",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="COST,...",
            help="add costs: params, seconds, energy, steps, epochs (mean over the runs)",
        ),
    ] = None,
    test_set_noise: Annotated[
        bool,
        typer.Option(
            "--test-set-noise",
            help="add what the finite validation set leaves uncertain, by example if weights exist",
        ),
    ] = False,
    interval: Annotated[
        IntervalMethod,
        typer.Option(
            "--interval",
            help="confidence interval of the means: Student's t, or bootstrap over seeds",
        ),
    ] = IntervalMethod.T,
    uncertainty: UncertaintyOption = DEFAULT_UNCERTAINTY,
    test: Annotated[
        PairedTest,
        typer.Option("--test", help="paired test of trials on the same seeds: t test, or exact"),
    ] = PairedTest.T,
    pivot: Annotated[
        str | None,
        typer.Option(
            "--pivot",
            metavar="FIELD",
            help="a group of columns for each value, for example --pivot data",
        ),
    ] = None,
    transpose: Annotated[
        bool, typer.Option("--transpose", help="exchange rows and columns")
    ] = False,
    mixed: Annotated[
        bool,
        typer.Option("--mixed", help="rank runs together even if they are not comparable"),
    ] = False,
    caption: Annotated[
        str | None,
        typer.Option(
            "--caption", metavar="TEXT", help="caption of the table \\[default: how it was made]"
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="NAME", help="label for \\ref in LaTeX")
    ] = None,
    format: Annotated[  # noqa: A002  the option is called --format
        TableFormat,
        typer.Option(
            "--format", help="output format; latex, typst, markdown and html are for papers"
        ),
    ] = TableFormat.TABLE,
    db: DbOption = None,
) -> None:
    """Rank trials, aggregated over seeds; columns are the fields in which the trials differ.

    Trials that do not differ significantly from the best share tier 1; those with too few seeds
    have no tier. For two runs, also shows the difference between their trials and its significance.

    Only comparable runs are ranked together, with one table per group: they have the same
    validation data and, if ranked by a loss, the same loss.

    [bold]Examples[/bold]

        nnlab compare

        nnlab compare depth --by val/loss --at last

        nnlab compare depth --group-by opt --format json

        nnlab compare 3 7

        nnlab compare small large --across opt

        nnlab compare depth --pivot data --format latex

        nnlab compare depth --ablation opt=sgd,depth=2

        nnlab compare depth --columns params,seconds --relative 1 --format typst

        nnlab compare depth --by val/accuracy --test-set-noise
    """
    _check_single_table(
        {"--across": across, "--ablation": ablation, "--pivot": pivot, "--group-by": group_by}
    )
    kind = "--ablation" if ablation is not None else "--across" if across is not None else None
    if kind is not None:
        _check_no_effect(
            kind,
            {
                "--relative": relative is not None,
                "--columns": columns is not None,
                "--test-set-noise": test_set_noise,
                "--top": top is not None,
                "--transpose": transpose,
                "--at": kind == "--across" and at != "best",
                "--mixed": kind == "--across" and mixed,
            },
        )
    if format not in _PAPER_FORMATS and not (pivot or transpose):
        _check_no_effect(
            f"--format {format}", {"--caption": caption is not None, "--label": label is not None}
        )
    if across is not None and format in (TableFormat.TABLE, TableFormat.CSV):
        # These have the means over all data sets; the other formats have those on each data set.
        _check_no_effect(
            f"--across --format {format}",
            {"--uncertainty": uncertainty is not DEFAULT_UNCERTAINTY},
        )
    request = RankingRequest(
        by=by,
        at=parse_epoch_choice(at),
        group_by=parse_field_names(group_by),
        interval=interval,
        test=test,
        mixed=mixed,
        costs=parse_costs(columns),
        relative_to=relative,
        sample_noise=test_set_noise,
        uncertainty=uncertainty,
    )
    with open_db(db) as database:
        scope = resolve_scope(database, names)
        if ablation is not None:
            results = ablations(database, scope, ablation, request)
            print_ablations(results, _text_output(format, caption, label))
        elif across is not None:
            compared_field = across.lstrip("-").replace("-", "_")
            methods = methods_by_task(database, scope, compared_field, request)
            print_across_tasks(methods, _text_output(format, caption, label))
        elif pivot or transpose or format in _PAPER_FORMATS:
            field = pivot and pivot.lstrip("-").replace("-", "_")
            tables = paper_tables(database, scope, replace(request, top=top or None), pivot=field)
            tables = tuple(table.transposed() for table in tables) if transpose else tables
            tables = _with_caption_and_label(tables, caption, label)
            print_paper_tables(tables, str(format), _own_command())
        else:
            _print_rankings(database, scope, request, top, Format(format))
            if format is TableFormat.TABLE and scope.studies is not None and len(names or ()) == 1:
                messages.print_verdict(database, scope.title)


def _check_single_table(options: Mapping[str, str | None]) -> None:
    """Checks that at most one kind of table is requested.

    Raises:
        UsageError: options contradict each other; `--pivot` and `--group-by` are used together.
    """
    used = [name for name, value in options.items() if value is not None]
    if len(used) > 1 and set(used) != {"--pivot", "--group-by"}:
        raise UsageError(f"{used[0]} and {used[1]} cannot be combined", hint=f"omit {used[1]}")


def _check_no_effect(kind: str, options: Mapping[str, bool]) -> None:
    """Refuses options that would be ignored.

    Args:
        kind: the option that decides on the kind of table.
        options: whether each option was given that has no effect on it.

    Raises:
        UsageError: one of them was given.
    """
    for name, is_given in options.items():
        if is_given:
            raise UsageError(f"{name} has no effect with {kind}", hint=f"omit {name}")


def _text_output(table_format: TableFormat, caption: str | None, label: str | None) -> TextOutput:
    return TextOutput(str(table_format), f"nnlab {_own_command()}", caption, label)


def _own_command() -> str:
    """The arguments of this command for a comment in a paper, without the folders of files."""
    return hide_folders(mask_command(sys.argv[1:]))


def _print_rankings(
    db: store.Database,
    scope: Scope,
    request: RankingRequest,
    top: int | None,
    output_format: Format,
) -> None:
    """Prints a ranking per group of comparable runs; of two runs also their difference."""
    pair = scope_of_two_trials(db, scope)
    rankings = table_rankings(
        db,
        scope if pair is None else pair,
        replace(request, top=_row_limit(top, output_format)),
    )
    claim = claim_values_of_scope(db, scope) if output_format is Format.JSON else None
    print_rankings(rankings, output_format, claim)
    if output_format is not Format.TABLE:
        return
    if pair is not None:
        for line in describe_difference(rankings):
            say(line)
    if len(rankings) == 1:
        messages.print_more_seeds_command(db, rankings[0])


def _with_caption_and_label(
    tables: Sequence[PaperTable], caption: str | None, label: str | None
) -> tuple[PaperTable, ...]:
    """The tables with a caption and label; the labels of further tables get a number."""
    return tuple(
        replace(
            table,
            caption=caption or table.caption,
            label=f"{label}-{number}" if label and number > 1 else label or table.label,
        )
        for number, table in enumerate(tables, start=1)
    )


def _row_limit(top: int | None, output_format: Format) -> int | None:
    if top is None:
        return _DEFAULT_ROWS if output_format is Format.TABLE else None
    return top or None
