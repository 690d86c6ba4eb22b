"""Waits for runs that other processes train, and takes over those of a process that died."""

import time
from collections.abc import Callable, Sequence

from nnlab import store
from nnlab.cli.interrupt import StopRequest
from nnlab.cli.output.render import note
from nnlab.errors import Interrupted
from nnlab.io.text import format_count
from nnlab.records import Run, Status

_POLL_SECONDS = 0.5
_SECONDS_BETWEEN_LINES = 10.0


def wait_for_others(
    db: store.Database,
    run_ids: Sequence[int],
    train_missing: Callable[[], None],
    *,
    quiet: bool,
) -> None:
    """Returns once none of the runs is trained by another process.

    Args:
        db: the database.
        run_ids: the runs whose results are wanted.
        train_missing: trains those that nobody trains; called when another process has died.
        quiet: whether to print nothing while waiting.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; the other processes go on.
    """
    printed_at = -_SECONDS_BETWEEN_LINES
    first = True
    with StopRequest(lambda: None) as stop:
        while running := _running_elsewhere(db, run_ids, train_missing, quiet=quiet):
            if stop.asked:
                raise Interrupted(
                    f"{format_count(len(running), 'run')} still trained by other processes, which go on",
                    hint="the same command waits again, or shows the result once they have ended",
                )
            if not quiet and time.monotonic() - printed_at >= _SECONDS_BETWEEN_LINES:
                note(_progress_line(running, first=first))
                printed_at, first = time.monotonic(), False
            time.sleep(_POLL_SECONDS)


def _running_elsewhere(
    db: store.Database, run_ids: Sequence[int], train_missing: Callable[[], None], *, quiet: bool
) -> list[Run]:
    """The runs that other processes train, after those of a dead process were taken over."""
    runs = store.runs(db, run_ids=run_ids)
    if any(_is_abandoned(run) for run in runs):
        if not quiet:
            note("a process that trained some of the runs is gone: they are taken over")
        train_missing()
        runs = store.runs(db, run_ids=run_ids)
    return [run for run in runs if run.status is Status.RUNNING]


def _is_abandoned(run: Run) -> bool:
    """Whether a process has left a run that this one may train: not failed, not held back."""
    free = run.status in (Status.QUEUED, Status.INTERRUPTED)
    return free and run.stop_requested_at is None


def _progress_line(running: Sequence[Run], *, first: bool) -> str:
    done = sum(run.epochs for run in running)
    planned = sum(run.epochs_planned for run in running)
    line = (
        f"waiting for {format_count(len(running), 'run')} that other processes train:"
        f" {done:,} of {planned:,} epochs"
    )
    return f"{line} (Ctrl-C or --no-wait returns at once)" if first else line
