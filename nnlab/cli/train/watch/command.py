"""`nnlab watch`: shows the progress of runs from another terminal."""

import gc
import sys
import time
from enum import StrEnum
from typing import Annotated

import typer

from nnlab import store
from nnlab.analysis.progress import ProgressSnapshot, snapshot_json, take_snapshot
from nnlab.cli import completion
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
from nnlab.study.stop_signals import StopRequest

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

# Time between two snapshots, and between two checks whether to stop.
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
    once: Annotated[bool, typer.Option("--once", help="print one snapshot and exit")] = False,
    format: Annotated[  # noqa: A002  the option is called --format
        WatchFormat, typer.Option("--format", help="how to print")
    ] = WatchFormat.TABLE,
    db: DbOption = None,
) -> None:
    """Watch runs from another terminal: progress, speed, time left, best trial, failures.

    It exits when nothing is left to train, with code 1 if runs failed.
    In a pipe it prints a line when something changes.

    [bold]Examples[/bold]

        nnlab watch depth

        nnlab watch --once --format json
    """
    gc.enable()  # main disables it, because most commands end soon
    with open_db(db) as database:
        if once:
            _print_once(take_snapshot(database, study), format)
            return
        try:
            # A flag instead of an exception: Python ignores exceptions that are raised in some
            # places, such as finalizers.
            with StopRequest(lambda: None) as stop:
                failed = _show_until_done(database, study, _choose_view(format), stop)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    if stop():
        raise typer.Exit(130)
    if failed:
        raise typer.Exit(1)


def _print_once(snapshot: ProgressSnapshot, output_format: WatchFormat) -> None:
    if output_format is WatchFormat.JSON:
        print_json(snapshot_json(snapshot))
    else:
        print_snapshot(snapshot)


def _choose_view(output_format: WatchFormat) -> SnapshotView:
    """The view for this output: JSON or text in lines, or a table on a terminal."""
    if output_format is WatchFormat.JSON:
        return SnapshotJsonLines()
    return SnapshotTable() if sys.stdout.isatty() else SnapshotLines()


def _show_until_done(
    db: store.Database, study: str | None, view: SnapshotView, stop: StopRequest
) -> int:
    """Shows a snapshot each second until no run needs training; returns the failed runs."""
    with view:
        while True:
            snapshot = take_snapshot(db, study)
            view.show(snapshot)
            if snapshot.progress.is_finished or not _sleep_until_refresh(stop):
                return snapshot.failed


def _sleep_until_refresh(stop: StopRequest) -> bool:
    """Waits until the next snapshot is due; False if the user wants to stop."""
    deadline = time.monotonic() + _REFRESH_SECONDS
    while not stop() and time.monotonic() < deadline:
        time.sleep(_STOP_CHECK_SECONDS)
    return not stop()
