"""Executes queued runs for the train commands: progress on the screen and stop requests."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.cli.interrupt import StopRequest
from nnlab.cli.train.train import present
from nnlab.cli.train.train.downloads import fetch_data_of_runs
from nnlab.cli.train.train.forwarding_view import ForwardingView
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.errors import Interrupted, TimeLimitReached
from nnlab.records import Run, Status
from nnlab.study.events import ExecutionEvent
from nnlab.study.execution import (
    RESUME_HINT,
    ExecutionHooks,
    ExecutionResult,
    execute_runs,
)
from nnlab.study.notifications import OnRunEnd
from nnlab.study.queue import QueuedRuns
from nnlab.workers import slurm
from nnlab.workers.executor import ExecutionOptions, choose_executor

if TYPE_CHECKING:
    from nnlab.cli.train.train.progress import TrainView
    from nnlab.workers.callbacks import RunResult


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How much is printed: only the result (`quiet`), or a line for every epoch (`verbose`)."""

    quiet: bool
    verbose: bool


def execute_queued(
    db: store.Database,
    queued: QueuedRuns,
    output: OutputOptions,
    execution: ExecutionOptions,
    *,
    wait: bool = True,
    on_run_end: OnRunEnd | None = None,
) -> ExecutionResult:
    """Trains what is missing of queued runs while it shows the progress.

    Args:
        db: the database, open for writing.
        queued: the runs.
        output: how much is printed.
        execution: what trains the runs, and what is stored of them.
        wait: whether to wait for runs that other processes train.
        on_run_end: called when a run has ended.

    Raises:
        Interrupted: the user stopped it.
    """
    save_policy = replace(execution.save_policy, moved_data=queued.moved_paths)
    execution = replace(execution, save_policy=save_policy)
    return execute_runs(
        db,
        queued,
        ExecutionHooks(
            train_missing=lambda run_ids: train_missing(
                db, run_ids, output, execution, on_run_end=on_run_end
            ),
            report=_ignore_event if output.quiet else present.print_event,
            catch_stop_signals=lambda: StopRequest(lambda: None),
        ),
        execution,
        wait=wait,
    )


def _ignore_event(event: ExecutionEvent) -> None:
    """Prints nothing."""


def train_missing(
    db: store.Database,
    run_ids: Sequence[int],
    output: OutputOptions,
    execution: ExecutionOptions,
    *,
    on_run_end: OnRunEnd | None = None,
) -> None:
    """Trains those of the runs that need training; `on_run_end` is called when a run has ended.

    Raises:
        Interrupted: the user stopped it.
    """
    runs = store.runs(db, run_ids=run_ids)
    missing = [run for run in runs if run.status.needs_training]
    if not missing:
        return
    fetch_data_of_runs(missing)
    view = _choose_view(runs, missing, output)
    if on_run_end is not None:
        view = ForwardingView(view, on_run_end)
    _train_runs(db, [run.id for run in missing], view, execution)


def _choose_view(runs: Sequence[Run], missing: Sequence[Run], output: OutputOptions) -> "TrainView":
    """The view for this output: a bar on a terminal, lines in a pipe, or only failures.

    Args:
        runs: all runs; labels name what distinguishes them.
        missing: the runs that will be trained.
        output: how much is printed.
    """
    # Imported only here: the views need rich, which takes time to import.
    from nnlab.cli.train.train.progress import BarView, LinesView, QuietView

    fields = distinguishing_fields([run.trial.setting for run in runs])

    def describe(run: Run) -> str:
        return f"{setting_label(run.trial.setting, fields)} seed={run.seed}".strip()

    if output.quiet:
        return QuietView(describe)
    if not sys.stdout.isatty():
        return LinesView(describe, every_epoch=output.verbose)
    epochs_left = sum(run.epochs_planned - run.epochs for run in missing)
    return BarView(describe, runs=len(missing), epochs=epochs_left, every_epoch=output.verbose)


def _train_runs(
    db: store.Database, run_ids: Sequence[int], view: "TrainView", execution: ExecutionOptions
) -> None:
    """Trains runs until they end or the user wants to stop.

    Raises:
        Interrupted: the user stopped it, or the time of a SLURM task is nearly up.
        TimeLimitReached: the same for a task on several nodes.
    """
    stop = StopRequest(view.stopping)
    failed: list[Run] = []

    def should_stop() -> bool:
        execution.raise_if_node_lost()
        return stop() or (execution.fail_fast and bool(failed))

    callbacks = ForwardingView(view, lambda result: _collect_failure(result, failed))
    try:
        execute_queue = choose_executor(db, run_ids, execution)
        with stop, view:
            execute_queue(callbacks, should_stop)
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped in mid epoch; every finished epoch is kept", hint=RESUME_HINT
        ) from None
    if stop.time_is_up and slurm.is_array_task():
        message = "the time of this task is nearly up; it is queued once more"
        if execution.is_multi_node:
            # Requeueing ends a job on all of its nodes: its script does so, after the nodes ended.
            raise TimeLimitReached(message)
        if slurm.requeue_task():
            raise Interrupted(message)
    if stop():
        raise Interrupted("every finished epoch is kept", hint=RESUME_HINT)


def _collect_failure(result: "RunResult", failed: list[Run]) -> None:
    if result.status is Status.FAILED:
        failed.append(result.run)
