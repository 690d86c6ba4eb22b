"""Snapshots for people: a table that is redrawn on a terminal, lines of text in a pipe."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, Self

from nnlab.analysis.progress import Snapshot, as_json
from nnlab.analysis.ranking import plural
from nnlab.cli.options import Format
from nnlab.cli.output.render import (
    Column,
    console,
    plain,
    print_json_line,
    render,
    say,
    screen_width,
    table_of,
    table_text,
)
from nnlab.records import Status
from nnlab.stats import format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType

# Runs in progress that are shown; trained as one program there may be hundreds.
_MOST_ROWS = 12
_BAR_WIDTH = 60

# In a pipe a line says at least so often that epochs go by.
_SECONDS_BETWEEN_LINES = 10.0


class View(Protocol):
    """Who shows one snapshot after the other."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def show(self, snapshot: Snapshot) -> None:
        """Shows how things stand now."""


class Lines:
    """A line when a run begins or ends or the best changes, and every ten seconds of training."""

    def __init__(self) -> None:
        self._before: object = None
        self._epochs = -1
        self._said_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def show(self, snapshot: Snapshot) -> None:
        """Prints a line, if something changed."""
        found = snapshot.progress
        now = (found.by_status, found.held, snapshot.best, snapshot.failures)
        moved = found.epochs != self._epochs
        due = time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES
        if now != self._before or (moved and due):
            self._before, self._epochs, self._said_at = now, found.epochs, time.monotonic()
            self._print(snapshot)

    def _print(self, snapshot: Snapshot) -> None:
        clock = snapshot.at.astimezone().strftime("%H:%M:%S")
        say("  ".join([clock, snapshot.title, *sentences(snapshot)]))


class JsonLines(Lines):
    """The same as JSON, an object a line."""

    def _print(self, snapshot: Snapshot) -> None:
        print_json_line(as_json(snapshot))


class LiveTable:
    """One table, redrawn in its place; the last one stays."""

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(console=console(), auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        """Redraws it."""
        self._live.update(table(snapshot), refresh=True)


def print_table(snapshot: Snapshot) -> None:
    """Prints it once; without a bar in a pipe."""
    screen = console()
    if screen.is_terminal:
        screen.print(table(snapshot))
        return
    for line in (snapshot.title, *sentences(snapshot)):
        say(line)
    if snapshot.running:
        render(snapshot.running[:_MOST_ROWS], _columns(snapshot), Format.TABLE)
    for line in _failures(snapshot):
        say(line)


def table(snapshot: Snapshot) -> "RenderableType":
    """Counts, a bar, the runs in progress, the best, the last failures."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar

    width = screen_width()
    counts, *told = sentences(snapshot)
    found = snapshot.progress
    parts: list[RenderableType] = [plain(f"{snapshot.title}  {counts}", "bold")]
    total = max(found.epochs_planned, 1)
    parts.append(ProgressBar(total=total, completed=found.epochs, width=min(_BAR_WIDTH, width)))
    parts += [plain(line) for line in told]
    if snapshot.running:
        layout = table_of(snapshot.running[:_MOST_ROWS], _columns(snapshot), width)
        parts += [plain(""), table_text(layout), plain("")]
    rest = len(snapshot.running) - _MOST_ROWS
    if rest > 0:
        parts.append(plain(f"and {plural(rest, 'more run')}", "dim"))
    parts += [plain(line, "red") for line in _failures(snapshot)]
    return Group(*parts)


def sentences(snapshot: Snapshot) -> list[str]:
    """How many stand how, how many epochs at what speed, and the best."""
    found = snapshot.progress
    over = (Status.FINISHED, Status.DIVERGED, Status.FAILED)
    done = sum(found.by_status.get(status, 0) for status in over)
    counts = [f"{done:,} of {plural(found.runs, 'run')} done"]
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
            f" {plural(best.seeds, 'seed')}{trial}"
        )
    return told


def _columns(snapshot: Snapshot) -> list[Column]:
    """The columns of the runs in progress."""
    return [
        Column("run", "run", right=True),
        Column("trial", "trial", wrap=True),
        Column("seed", "seed", right=True, priority=1),
        Column("epochs", "epoch", right=True),
        Column("epochs_planned", "of", right=True),
        Column("loss", "train/loss", _number, right=True, priority=2),
        Column("objective", snapshot.objective.metric, _number, right=True),
        Column("stopping", "state", lambda stopping: "stopping" if stopping else "", priority=1),
    ]


def _failures(snapshot: Snapshot) -> Iterator[str]:
    for row in snapshot.failures:
        which = f"run {row['run']} {row['trial']} seed={row['seed']}".replace("  ", " ")
        yield f"{which}: {row['status']}" + (f": {row['reason']}" if row["reason"] else "")


def _number(value: float) -> str:
    return f"{value:.5g}"
