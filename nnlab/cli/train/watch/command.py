"""`nnlab watch`: how runs go, from another terminal."""

import gc
import sys
import time
from enum import StrEnum
from typing import Annotated

import typer

from nnlab import store
from nnlab.analysis.progress import Snapshot, as_json, look
from nnlab.cli import completion
from nnlab.cli.database_option import opened
from nnlab.cli.interrupt import StopRequest
from nnlab.cli.options import Db
from nnlab.cli.output.render import print_json
from nnlab.cli.train.watch.view import JsonLines, Lines, LiveTable, View, print_table

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

# Between two looks at the database, and between two at whether to stop.
_SECONDS = 1.0
_REST = 0.05


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
    db: Db = None,
) -> None:
    """Watch runs from another terminal: progress, speed, time left, the best, failures.

    It ends when nothing is left to train, with exit code 1 if runs failed.
    In a pipe it prints a line when something changes.

    [bold]Examples[/bold]

        nnlab watch depth

        nnlab watch --once --format json
    """
    gc.enable()  # turned off for commands that are over soon
    with opened(db) as database:
        if once:
            _print(look(database, study), format)
            return
        try:
            # A flag, for an exception can come where Python only prints it and goes on.
            with StopRequest(lambda: None) as stop:
                failed = _follow(database, study, _view(format), stop)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    if stop.asked:
        raise typer.Exit(130)
    if failed:
        raise typer.Exit(1)


def _print(snapshot: Snapshot, how: WatchFormat) -> None:
    if how is WatchFormat.JSON:
        print_json(as_json(snapshot))
    else:
        print_table(snapshot)


def _view(how: WatchFormat) -> View:
    """The screen that fits: JSON or text by the line, or a table on a terminal."""
    if how is WatchFormat.JSON:
        return JsonLines()
    return LiveTable() if sys.stdout.isatty() else Lines()


def _follow(db: store.Database, study: str | None, view: View, stop: StopRequest) -> int:
    """Shows how things stand each second until nothing is left to do; gives the failures."""
    with view:
        while True:
            snapshot = look(db, study)
            view.show(snapshot)
            if snapshot.progress.done or not _rest(stop):
                return snapshot.failed


def _rest(stop: StopRequest) -> bool:
    """Waits until the next look; False when it was told to stop."""
    until = time.monotonic() + _SECONDS
    while not stop.asked and time.monotonic() < until:
        time.sleep(_REST)
    return not stop.asked
