"""`nnlab ls`: lists runs, newest first."""

from datetime import datetime
from typing import Annotated

import typer

from nnlab.analysis.plain_values import run_values
from nnlab.analysis.run_overview import load_run_overviews
from nnlab.cli import completion
from nnlab.cli.open_database import open_db
from nnlab.cli.options import MAX_ROWS, DbOption, FormatOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render, say
from nnlab.records import Status

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("run", "run", align_right=True),
    TableColumn("study", "study", priority=4),
    TableColumn("name", "name", priority=5),
    TableColumn("trial", "trial", wrap=True),
    TableColumn("seed", "seed", align_right=True, priority=1),
    TableColumn("status", "status"),
    TableColumn("epochs", "epochs", align_right=True, priority=2),
    TableColumn("epochs_planned", "of", align_right=True, priority=3),
    TableColumn("val_rmse", "val/rmse", lambda value: f"{value:.5g}", align_right=True, priority=1),
    TableColumn("val_mae", "val/mae", lambda value: f"{value:.5g}", align_right=True, priority=2),
    TableColumn("metric", "metric", priority=1),
    TableColumn("best", "best", lambda value: f"{value:.5g}", align_right=True),
    TableColumn("best_epoch", "at epoch", align_right=True, priority=3),
    TableColumn("flags", "flags", ", ".join, wrap=True, priority=2),
    TableColumn("tags", "tags", ", ".join, wrap=True, priority=6),
    TableColumn(
        "started_at",
        "started",
        lambda time: format_local_time(datetime.fromisoformat(time)),
        priority=5,
    ),
)
_ERROR_KEYS = ("val_rmse", "val_mae")


@app.command("ls")
def list_runs(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY",
            show_default=False,
            help="a study \\[default: all]",
            autocompletion=completion.studies,
        ),
    ] = None,
    *,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", metavar="STATUS", help=f"only runs of this status: {', '.join(Status)}"
        ),
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="only runs with this tag")] = None,
    removed: Annotated[
        bool, typer.Option("--removed", help="only runs that `nnlab rm` removed")
    ] = False,
    limit: Annotated[
        int,
        typer.Option(
            "--limit",
            "-n",
            min=0,
            max=MAX_ROWS,
            metavar="N",
            help="maximum number of runs, 0 for all",
        ),
    ] = 20,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """List runs, newest first.

    [bold]Examples[/bold]

        nnlab ls

        nnlab ls depth --status failed --format json
    """
    with open_db(db) as database:
        runs = load_run_overviews(
            database, study=study, status=status, tag=tag, removed=removed, limit=limit or None
        )
    rows = [run_values(run) for run in runs]
    # Errors in the unit of the target, before the loss of standardised targets.
    is_regression = any(row["val_rmse"] is not None for row in rows)
    columns = [column for column in COLUMNS if is_regression or column.key not in _ERROR_KEYS]
    render(rows, COLUMNS if format is Format.JSON else columns, format)
    if format is Format.TABLE and limit and len(runs) == limit:
        say(f"only the newest {limit}; --limit 0 lists all", style="dim")


def format_local_time(time: datetime) -> str:
    """A time in the local time zone, to the second."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
