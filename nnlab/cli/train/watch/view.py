"""Views of progress snapshots: a table redrawn on a terminal, lines of text or JSON in a pipe."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, Self

from nnlab.analysis.progress import ProgressSnapshot, snapshot_json
from nnlab.cli.output.formats import Format
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
from nnlab.io.text import axis_word, format_count, format_seed, position_number
from nnlab.records import Status
from nnlab.stats import format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType

# The maximum number of running runs in the table; a batch may contain hundreds.
_MAX_ROWS = 12
_BAR_WIDTH = 60

# Maximum time between two lines in a pipe while epochs are trained.
_SECONDS_BETWEEN_LINES = 10.0


class SnapshotView(Protocol):
    """Shows one snapshot after the other; a context that is entered before the first."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def show(self, snapshot: ProgressSnapshot) -> None:
        """Shows a snapshot."""


class SnapshotLines:
    """Prints a line when a run starts or ends or the best trial changes, and every ten seconds."""

    def __init__(self) -> None:
        self._last_state: object = None
        self._epochs = -1
        self._printed_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Prints a line if something changed."""
        progress = snapshot.progress
        state = (progress.by_status, progress.stopped_waiting, snapshot.best, snapshot.failures)
        has_new_epochs = progress.epochs_done != self._epochs
        is_due = time.monotonic() - self._printed_at >= _SECONDS_BETWEEN_LINES
        if state != self._last_state or (has_new_epochs and is_due):
            self._last_state, self._epochs = state, progress.epochs_done
            self._printed_at = time.monotonic()
            self._print(snapshot)

    def _print(self, snapshot: ProgressSnapshot) -> None:
        clock = snapshot.at.astimezone().strftime("%H:%M:%S")
        say("  ".join([clock, snapshot.title, *snapshot_sentences(snapshot)]))


class SnapshotJsonLines(SnapshotLines):
    """Prints one JSON object per line."""

    def _print(self, snapshot: ProgressSnapshot) -> None:
        print_json_line(snapshot_json(snapshot))


class SnapshotTable:
    """Redraws one table in place; the last one stays on the screen."""

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(console=console(), auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Redraws the table."""
        self._live.update(render_snapshot(snapshot), refresh=True)


def print_snapshot(snapshot: ProgressSnapshot) -> None:
    """Prints a snapshot once; without a bar in a pipe."""
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
    """Counts, a bar, running runs, the best trial and the last failures, for rich."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar

    width = screen_width()
    counts, *sentences = snapshot_sentences(snapshot)
    progress = snapshot.progress
    parts: list[RenderableType] = [rich_text(f"{snapshot.title}  {counts}", "bold")]
    total = max(progress.epochs_planned, 1)
    parts.append(
        ProgressBar(total=total, completed=progress.epochs_done, width=min(_BAR_WIDTH, width))
    )
    parts += [rich_text(sentence) for sentence in sentences]
    if snapshot.running:
        layout = layout_table(snapshot.running[:_MAX_ROWS], _running_columns(snapshot), width)
        parts += [rich_text(""), layout_text(layout), rich_text("")]
    rest = len(snapshot.running) - _MAX_ROWS
    if rest > 0:
        parts.append(rich_text(f"and {format_count(rest, 'more run')}", "dim"))
    parts += [rich_text(line, "red") for line in _failure_lines(snapshot)]
    return Group(*parts)


def snapshot_sentences(snapshot: ProgressSnapshot) -> list[str]:
    """The counts of runs, the epochs and their speed, and the best trial."""
    progress = snapshot.progress
    ended = (Status.FINISHED, Status.DIVERGED, Status.FAILED)
    done = sum(progress.by_status.get(status, 0) for status in ended)
    counts = [f"{done:,} of {format_count(progress.run_count, 'run')} done"]
    counts += [
        f"{progress.by_status[status]:,} {status}"
        for status in Status
        if status is not Status.FINISHED and progress.by_status.get(status)
    ]
    if progress.stopped_waiting:
        counts.append(f"{progress.stopped_waiting:,} held back by nnlab stop")
    speed = []
    if progress.epochs_planned:  # programs of users do not say how long they will run
        speed.append(f"{progress.epochs_done:,}/{progress.epochs_planned:,} epochs")
    if progress.running_runs and progress.epochs_per_second > 0:
        speed.append(f"{progress.epochs_per_second:.3g} epochs/s")
        speed.append(f"about {format_duration(progress.seconds_left or 0.0)} left")
    sentences = [", ".join(part) for part in (counts, speed) if part]
    best = snapshot.best
    if best is not None:
        trial = f" ({best.trial})" if best.trial else ""
        sentences.append(
            f"best {snapshot.objective.metric} {best.value:.5g},"
            f" {format_count(best.seeds, 'seed')}{trial}"
        )
    return sentences


def _running_columns(snapshot: ProgressSnapshot) -> list[TableColumn]:
    """The columns of the runs in progress."""
    axes = {str(row["axis"]) for row in snapshot.running}
    return [
        TableColumn("run", "run", align_right=True),
        TableColumn("trial", "trial", wrap=True),
        TableColumn("seed", "seed", align_right=True, priority=1),
        TableColumn(
            "epochs", axis_word(axes), lambda n: position_number(n, axes), align_right=True
        ),
        TableColumn("epochs_planned", "of", lambda n: str(n or ""), align_right=True),
        TableColumn("loss", "train/loss", _format_number, align_right=True, priority=2),
        TableColumn("objective", snapshot.objective.metric, _format_number, align_right=True),
        TableColumn(
            "stopping", "state", lambda stopping: "stopping" if stopping else "", priority=1
        ),
    ]


def _failure_lines(snapshot: ProgressSnapshot) -> Iterator[str]:
    for row in snapshot.failures:
        run = f"run {row['run']} {row['trial']} seed={format_seed(row['seed'])}".replace("  ", " ")
        yield f"{run}: {row['status']}" + (f": {row['reason']}" if row["reason"] else "")


def _format_number(value: float) -> str:
    return f"{value:.5g}"
