"""Executes queued runs: training, the rounds of an adaptive sampler, and waiting for others."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from nnlab import store
from nnlab.engine.data import location
from nnlab.errors import Interrupted, NnlabError
from nnlab.io.command_line import quote_command
from nnlab.records import Run, Status
from nnlab.study.events import ExecutionEvent
from nnlab.study.next_trials import is_adaptive
from nnlab.study.queue import QueuedRuns, failed_runs
from nnlab.study.sampler_loop import queue_sampler_trials
from nnlab.study.waiting import wait_for_other_processes
from nnlab.workers import slurm
from nnlab.workers.executor import ExecutionOptions
from nnlab.workers.spool import retry_when_disconnected

RESUME_HINT = "the same command goes on where this one stopped"


@dataclass(frozen=True, slots=True)
class ExecutionHooks:
    """What the caller provides to execute runs.

    Attributes:
        train_missing: trains those of the given runs that need training.
        report: receives events for the user.
        catch_stop_signals: a context whose value returns True once the user wants to stop.
    """

    train_missing: Callable[[Sequence[int]], None]
    report: Callable[[ExecutionEvent], None]
    catch_stop_signals: Callable[[], AbstractContextManager[Callable[[], bool]]]


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """The runs of a study after their execution.

    Attributes:
        run_ids: the queued runs, and those that a sampler added.
        error: why the command fails although all runs have ended, or None.
    """

    run_ids: tuple[int, ...]
    error: NnlabError | None


def execute_runs(
    db: store.Database,
    queued: QueuedRuns,
    hooks: ExecutionHooks,
    execution: ExecutionOptions,
    *,
    wait: bool = True,
) -> ExecutionResult:
    """Trains what is missing of queued runs, and all rounds of an adaptive sampler.

    Args:
        db: the database, open for writing.
        queued: the runs.
        hooks: how runs are trained, and where events go.
        execution: whether failed runs end the execution, and whether diverged runs are errors.
        wait: whether to wait for runs that other processes train.

    Raises:
        Interrupted: the user stopped it.
    """
    location.add_moved_paths(queued.moved_paths)
    run_ids = list(queued.run_ids)
    hooks.train_missing(run_ids)
    if is_adaptive(queued.study.sampler) and not execution.failed_only:
        for added in queue_sampler_trials(
            db,
            queued.study,
            hooks.report,
            name=queued.name,
            tags=queued.tags,
            wait=wait,
        ):
            run_ids += added
            hooks.train_missing(added)
            if execution.fail_fast and failed_runs(store.runs(db, run_ids=added)):
                break
    if wait and _may_wait(execution):
        wait_for_other_processes(
            db,
            run_ids,
            lambda: hooks.train_missing(run_ids),
            hooks.report,
            hooks.catch_stop_signals,
        )
    # The server may be away now: everything is stored, so the command must not fail.
    error = retry_when_disconnected(
        partial(execution_error, db, run_ids, allow_diverged=execution.allow_diverged)
    )
    return ExecutionResult(tuple(run_ids), error)


def _may_wait(execution: ExecutionOptions) -> bool:
    """False with --fail-fast, and where waiting would occupy the devices of a cluster."""
    return not (execution.fail_fast or execution.is_multi_node or slurm.is_array_task())


def execution_error(
    db: store.Database, run_ids: Sequence[int], *, allow_diverged: bool
) -> NnlabError | None:
    """The error of a command whose runs failed, were held back, or all diverged; else None."""
    runs = store.runs(db, run_ids=run_ids)
    if failed := failed_runs(runs):
        return _failure_error(db, failed, len(runs))
    stopped = [run for run in runs if run.stop_requested_at and run.status.needs_training]
    if stopped:
        return Interrupted(
            f"nnlab stop held back {len(stopped)} of {len(runs)} runs; every finished epoch is"
            " kept",
            hint=RESUME_HINT,
        )
    if runs and not allow_diverged and all(run.status is Status.DIVERGED for run in runs):
        which = "the run" if len(runs) == 1 else f"all {len(runs)} runs"
        return NnlabError(
            f"{which} diverged; run {runs[0].id}: {runs[0].reason}",
            hint="a lower learning rate; --allow-diverged makes this exit code 0",
        )
    return None


def _failure_error(db: store.Database, failed: Sequence[Run], total: int) -> NnlabError:
    first = failed[0]
    error = NnlabError(
        f"{len(failed)} of {total} runs failed; run {first.id}: {first.reason}",
        hint=f"`{quote_command('nnlab', 'show', first.id)}` shows details; the same command"
        " tries again",
    )
    attempts = store.attempts(db, first.id)
    if attempts and attempts[-1].traceback:
        # Python prints notes with --debug: the model may have failed in another process.
        error.add_note(f"run {first.id}:\n{attempts[-1].traceback}")
    return error
