"""Waits for runs that other processes train, and trains those of a process that died."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

from nnlab import store
from nnlab.errors import Interrupted
from nnlab.io.text import format_count
from nnlab.records import Run, Status
from nnlab.study.events import AbandonedRunsFound, ExecutionEvent, WaitingForRuns
from nnlab.workers.spool import retry_when_disconnected

_POLL_SECONDS = 0.5
_SECONDS_BETWEEN_REPORTS = 10.0


def wait_for_other_processes(
    db: store.Database,
    run_ids: Sequence[int],
    train_missing: Callable[[], None],
    report: Callable[[ExecutionEvent], None],
    catch_stop_signals: Callable[[], AbstractContextManager[Callable[[], bool]]],
) -> None:
    """Returns once no other process trains any of the runs.

    Args:
        db: the database, open for writing.
        run_ids: the runs whose results are needed.
        train_missing: trains runs that are waiting; called when another process has died.
        report: receives an event now and then.
        catch_stop_signals: a context whose value returns True once the user wants to stop.

    Raises:
        Interrupted: the user stopped waiting; the other processes continue.
    """
    reported_at = -_SECONDS_BETWEEN_REPORTS
    is_first = True
    with catch_stop_signals() as should_stop:
        while running := _running_elsewhere(db, run_ids, train_missing, report):
            if should_stop():
                raise Interrupted(
                    f"{format_count(len(running), 'run')} still trained by other processes,"
                    " which go on",
                    hint="the same command waits again, or shows the result once they have ended",
                )
            if time.monotonic() - reported_at >= _SECONDS_BETWEEN_REPORTS:
                report(
                    WaitingForRuns(
                        len(running),
                        sum(run.epochs for run in running),
                        sum(run.epochs_planned for run in running),
                        is_first,
                    )
                )
                reported_at, is_first = time.monotonic(), False
            time.sleep(_POLL_SECONDS)


def _running_elsewhere(
    db: store.Database,
    run_ids: Sequence[int],
    train_missing: Callable[[], None],
    report: Callable[[ExecutionEvent], None],
) -> list[Run]:
    """The runs that other processes train, after those of a dead process were trained here."""
    query_runs = partial(store.runs, db, run_ids=run_ids)
    runs = retry_when_disconnected(query_runs)
    if any(_is_abandoned(run) for run in runs):
        report(AbandonedRunsFound())
        train_missing()
        runs = retry_when_disconnected(query_runs)
    return [run for run in runs if run.status is Status.RUNNING]


def _is_abandoned(run: Run) -> bool:
    """True where a process has left a run unfinished that this process may train."""
    is_free = run.status in (Status.QUEUED, Status.INTERRUPTED)
    return is_free and run.stop_requested_at is None
