"""`nnlab ls`: lists runs, newest first."""

from collections.abc import Collection
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
from nnlab.io.text import axis_word, position_number
from nnlab.records import Origin, Status

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


def _columns(axes: Collection[str]) -> tuple[TableColumn, ...]:
    """The columns of runs whose positions are these: epochs, steps or both."""
    word = axis_word(axes)
    return (
        TableColumn("run", "run", align_right=True),
        TableColumn("study", "study", priority=4),
        TableColumn("name", "name", priority=5),
        TableColumn("trial", "trial", wrap=True),
        TableColumn("arm", "arm", hidden=True),
        TableColumn("seed", "seed", align_right=True, priority=1),
        TableColumn("status", "status"),
        TableColumn(
            "epochs",
            " or ".join(f"{axis}s" for axis in word.split(" or ")),
            lambda number: position_number(number, axes),
            align_right=True,
            priority=2,
        ),
        # Other programs do not say how long they will train.
        TableColumn(
            "epochs_planned", "of", lambda number: str(number or ""), align_right=True, priority=3
        ),
        _value_column("val_rmse", "val/rmse", 1),
        _value_column("val_mae", "val/mae", 2),
        TableColumn("metric", "metric", priority=1),
        TableColumn("best", "best", lambda value: f"{value:.5g}", align_right=True),
        TableColumn(
            "best_epoch",
            f"at {word}",
            lambda number: position_number(number, axes),
            align_right=True,
            priority=3,
        ),
        TableColumn("flags", "flags", ", ".join, wrap=True, priority=2),
        TableColumn("tags", "tags", ", ".join, wrap=True, priority=6),
        TableColumn(
            "started_at",
            "started",
            lambda time: format_local_time(datetime.fromisoformat(time)),
            priority=5,
        ),
        TableColumn("origin", "origin", hidden=True),
        TableColumn("axis", "axis", hidden=True),
    )


def _value_column(key: str, heading: str, priority: int) -> TableColumn:
    return TableColumn(
        key, heading, lambda value: f"{value:.5g}", align_right=True, priority=priority
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
    origin: Annotated[
        str | None,
        typer.Option(
            "--origin",
            metavar="ORIGIN",
            help=f"only runs of this origin: {', '.join(Origin)}",
        ),
    ] = None,
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

        nnlab ls --origin imported
    """
    with open_db(db) as database:
        runs = load_run_overviews(
            database,
            study=study,
            status=status,
            tag=tag,
            origin=origin,
            removed=removed,
            limit=limit or None,
        )
    rows = [run_values(run) for run in runs]
    # Errors in the unit of the target, before the loss of standardised targets.
    is_regression = any(row["val_rmse"] is not None for row in rows)
    columns = _columns({run.run.axis for run in runs})
    if format is not Format.JSON and not is_regression:
        columns = tuple(column for column in columns if column.key not in _ERROR_KEYS)
    render(rows, columns, format)
    if format is Format.TABLE and limit and len(runs) == limit:
        say(f"only the newest {limit}; --limit 0 lists all", style="dim")


def format_local_time(time: datetime) -> str:
    """A time in the local time zone, to the second."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
