"""Snapshots for people: a table that is redrawn on a terminal, lines of text in a pipe."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, Self

from nnlab.analysis.progress import ProgressSnapshot, snapshot_json
from nnlab.cli.options import Format
from nnlab.cli.output.render import (
    TableColumn,
    console,
    layout_table,
    layout_text,
    print_json_line,
    render,
    rich_text,
    say,
    screen_width,
)
from nnlab.io.text import format_count
from nnlab.records import Status
from nnlab.stats import format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType

# Runs in progress that are shown; trained as one program there may be hundreds.
_MAX_ROWS = 12
_BAR_WIDTH = 60

# In a pipe a line says at least so often that epochs go by.
_SECONDS_BETWEEN_LINES = 10.0


class SnapshotView(Protocol):
    """Who shows one snapshot after the other."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def show(self, snapshot: ProgressSnapshot) -> None:
        """Shows how things stand now."""


class SnapshotLines:
    """A line when a run begins or ends or the best changes, and every ten seconds of training."""

    def __init__(self) -> None:
        self._before: object = None
        self._epochs = -1
        self._printed_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Prints a line, if something changed."""
        found = snapshot.progress
        now = (found.by_status, found.held, snapshot.best, snapshot.failures)
        moved = found.epochs != self._epochs
        due = time.monotonic() - self._printed_at >= _SECONDS_BETWEEN_LINES
        if now != self._before or (moved and due):
            self._before, self._epochs, self._printed_at = now, found.epochs, time.monotonic()
            self._print(snapshot)

    def _print(self, snapshot: ProgressSnapshot) -> None:
        clock = snapshot.at.astimezone().strftime("%H:%M:%S")
        say("  ".join([clock, snapshot.title, *snapshot_sentences(snapshot)]))


class SnapshotJsonLines(SnapshotLines):
    """The same as JSON, an object a line."""

    def _print(self, snapshot: ProgressSnapshot) -> None:
        print_json_line(snapshot_json(snapshot))


class SnapshotTable:
    """One table, redrawn in its place; the last one stays."""

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(console=console(), auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Redraws it."""
        self._live.update(render_snapshot(snapshot), refresh=True)


def print_snapshot(snapshot: ProgressSnapshot) -> None:
    """Prints it once; without a bar in a pipe."""
    screen = console()
    if screen.is_terminal:
        screen.print(render_snapshot(snapshot))
        return
    for line in (snapshot.title, *snapshot_sentences(snapshot)):
        say(line)
    if snapshot.running:
        render(snapshot.running[:_MAX_ROWS], _running_columns(snapshot), Format.TABLE)
    for line in _failure_lines(snapshot):
        say(line)


def render_snapshot(snapshot: ProgressSnapshot) -> "RenderableType":
    """Counts, a bar, the runs in progress, the best, the last failures."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar

    width = screen_width()
    counts, *told = snapshot_sentences(snapshot)
    found = snapshot.progress
    parts: list[RenderableType] = [rich_text(f"{snapshot.title}  {counts}", "bold")]
    total = max(found.epochs_planned, 1)
    parts.append(ProgressBar(total=total, completed=found.epochs, width=min(_BAR_WIDTH, width)))
    parts += [rich_text(line) for line in told]
    if snapshot.running:
        layout = layout_table(snapshot.running[:_MAX_ROWS], _running_columns(snapshot), width)
        parts += [rich_text(""), layout_text(layout), rich_text("")]
    rest = len(snapshot.running) - _MAX_ROWS
    if rest > 0:
        parts.append(rich_text(f"and {format_count(rest, 'more run')}", "dim"))
    parts += [rich_text(line, "red") for line in _failure_lines(snapshot)]
    return Group(*parts)


def snapshot_sentences(snapshot: ProgressSnapshot) -> list[str]:
    """How many stand how, how many epochs at what speed, and the best."""
    found = snapshot.progress
    over = (Status.FINISHED, Status.DIVERGED, Status.FAILED)
    done = sum(found.by_status.get(status, 0) for status in over)
    counts = [f"{done:,} of {format_count(found.runs, 'run')} done"]
    counts += [
        f"{found.by_status[status]:,} {status}"
        for status in Status
        if status is not Status.FINISHED and found.by_status.get(status)
    ]
    if found.held:
        counts.append(f"{found.held:,} held back by nnlab stop")
    speed = [f"{found.epochs:,}/{found.epochs_planned:,} epochs"]
    if found.working and found.speed > 0:
        speed.append(f"{found.speed:.3g} epochs/s")
        speed.append(f"about {format_duration(found.seconds_left or 0.0)} left")
    told = [", ".join(counts), ", ".join(speed)]
    best = snapshot.best
    if best is not None:
        trial = f" ({best.trial})" if best.trial else ""
        told.append(
            f"best {snapshot.objective.metric} {best.value:.5g},"
            f" {format_count(best.seeds, 'seed')}{trial}"
        )
    return told


def _running_columns(snapshot: ProgressSnapshot) -> list[TableColumn]:
    """The columns of the runs in progress."""
    return [
        TableColumn("run", "run", right=True),
        TableColumn("trial", "trial", wrap=True),
        TableColumn("seed", "seed", right=True, priority=1),
        TableColumn("epochs", "epoch", right=True),
        TableColumn("epochs_planned", "of", right=True),
        TableColumn("loss", "train/loss", _format_number, right=True, priority=2),
        TableColumn("objective", snapshot.objective.metric, _format_number, right=True),
        TableColumn(
            "stopping", "state", lambda stopping: "stopping" if stopping else "", priority=1
        ),
    ]


def _failure_lines(snapshot: ProgressSnapshot) -> Iterator[str]:
    for row in snapshot.failures:
        which = f"run {row['run']} {row['trial']} seed={row['seed']}".replace("  ", " ")
        yield f"{which}: {row['status']}" + (f": {row['reason']}" if row["reason"] else "")


def _format_number(value: float) -> str:
    return f"{value:.5g}"
