"""`nnlab watch`: how runs go, from another terminal."""

import gc
import sys
import time
from enum import StrEnum
from typing import Annotated

import typer

from nnlab import store
from nnlab.analysis.progress import ProgressSnapshot, snapshot_json, take_snapshot
from nnlab.cli import completion
from nnlab.cli.interrupt import StopRequest
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption
from nnlab.cli.output.render import print_json
from nnlab.cli.train.watch.view import (
    SnapshotJsonLines,
    SnapshotLines,
    SnapshotTable,
    SnapshotView,
    print_snapshot,
)

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

# Between two looks at the database, and between two at whether to stop.
_REFRESH_SECONDS = 1.0
_STOP_CHECK_SECONDS = 0.05


class WatchFormat(StrEnum):
    """How a snapshot is printed."""

    TABLE = "table"
    JSON = "json"


@app.command()
def watch(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY",
            show_default=False,
            help="a study \\[default: all runs]",
            autocompletion=completion.studies,
        ),
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="print how things stand, and end")] = False,
    format: Annotated[  # noqa: A002  the option is called --format
        WatchFormat, typer.Option("--format", help="how to print")
    ] = WatchFormat.TABLE,
    db: DbOption = None,
) -> None:
    """Watch runs from another terminal: progress, speed, time left, the best, failures.

    It ends when nothing is left to train, with exit code 1 if runs failed.
    In a pipe it prints a line when something changes.

    [bold]Examples[/bold]

        nnlab watch depth

        nnlab watch --once --format json
    """
    gc.enable()  # turned off for commands that are over soon
    with open_db(db) as database:
        if once:
            _print_once(take_snapshot(database, study), format)
            return
        try:
            # A flag, for an exception can come where Python only prints it and goes on.
            with StopRequest(lambda: None) as stop:
                failed = _show_until_done(database, study, _choose_view(format), stop)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    if stop.requested:
        raise typer.Exit(130)
    if failed:
        raise typer.Exit(1)


def _print_once(snapshot: ProgressSnapshot, how: WatchFormat) -> None:
    if how is WatchFormat.JSON:
        print_json(snapshot_json(snapshot))
    else:
        print_snapshot(snapshot)


def _choose_view(how: WatchFormat) -> SnapshotView:
    """The screen that fits: JSON or text by the line, or a table on a terminal."""
    if how is WatchFormat.JSON:
        return SnapshotJsonLines()
    return SnapshotTable() if sys.stdout.isatty() else SnapshotLines()


def _show_until_done(
    db: store.Database, study: str | None, view: SnapshotView, stop: StopRequest
) -> int:
    """Shows how things stand each second until nothing is left to do; gives the failures."""
    with view:
        while True:
            snapshot = take_snapshot(db, study)
            view.show(snapshot)
            if snapshot.progress.done or not _rest(stop):
                return snapshot.failed


def _rest(stop: StopRequest) -> bool:
    """Waits until the next look; False when it was told to stop."""
    until = time.monotonic() + _REFRESH_SECONDS
    while not stop.requested and time.monotonic() < until:
        time.sleep(_STOP_CHECK_SECONDS)
    return not stop.requested
