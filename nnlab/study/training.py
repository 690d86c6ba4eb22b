"""Trains queued runs in a view, until they have ended or the user wants to stop."""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from nnlab import store
from nnlab.analysis.pair_metrics import has_pair_metrics, store_pair_metrics
from nnlab.catalogue import is_plugin_name
from nnlab.errors import Interrupted, TimeLimitReached
from nnlab.records import Run, Status
from nnlab.study.claim_requirements import execution_for_claim
from nnlab.study.events import ExecutionEvent, PairsMeasured
from nnlab.study.execution import RESUME_HINT, ExecutionHooks, ExecutionResult, execute_runs
from nnlab.study.notifications import OnRunEnd
from nnlab.study.queue import QueuedRuns
from nnlab.study.stop_signals import STOP_SIGNALS, StopRequest
from nnlab.study.train_view import ForwardingView, TrainView
from nnlab.workers import slurm
from nnlab.workers.callbacks import RunResult
from nnlab.workers.executor import ExecutionOptions, choose_executor
from nnlab.workers.spool import retry_when_disconnected


@dataclass(frozen=True, slots=True)
class TrainingInterface:
    """How training is shown to the user, and how the user can influence it.

    Attributes:
        create_view: the view for all runs, and for those of them that will be trained.
        report: receives events between runs.
        fetch_data: downloads a published data set, by name, unless this machine has it.
        on_run_end: called when a run has ended.
        signals: those that stop the training after the current epoch.
    """

    create_view: Callable[[Sequence[Run], Sequence[Run]], TrainView]
    report: Callable[[ExecutionEvent], None]
    fetch_data: Callable[[str], object]
    on_run_end: OnRunEnd | None = None
    signals: Sequence[signal.Signals] = STOP_SIGNALS


def train_queued(
    db: store.Database,
    queued: QueuedRuns,
    interface: TrainingInterface,
    execution: ExecutionOptions,
    *,
    wait: bool = True,
) -> ExecutionResult:
    """Trains what is missing of queued runs while it shows the progress.

    The claim of their study may change how they are trained (`execution_for_claim`). If it compares
    metrics `pair/...`, these are measured at the end.

    Args:
        db: the database, open for writing.
        queued: the runs.
        interface: how the training is shown.
        execution: what trains the runs, and what is stored of them.
        wait: whether to wait for runs that other processes train.

    Raises:
        Interrupted: the user stopped it.
    """
    execution = execution_for_claim(execution, queued.study)
    save_policy = replace(execution.save_policy, moved_data=queued.moved_paths)
    execution = replace(execution, save_policy=save_policy)
    result = execute_runs(
        db,
        queued,
        ExecutionHooks(
            train_missing=lambda run_ids: _train_missing(db, run_ids, interface, execution),
            report=interface.report,
            catch_stop_signals=lambda: StopRequest(lambda: None, interface.signals),
        ),
        execution,
        wait=wait,
    )
    if has_pair_metrics(queued.study):
        report = retry_when_disconnected(partial(store_pair_metrics, db, queued.study))
        if report.measured or report.problems:
            interface.report(PairsMeasured(report.measured, report.problems))
    return result


def _train_missing(
    db: store.Database,
    run_ids: Sequence[int],
    interface: TrainingInterface,
    execution: ExecutionOptions,
) -> None:
    """Trains those of the runs that need training.

    Raises:
        Interrupted: the user stopped it.
    """
    runs = retry_when_disconnected(partial(store.runs, db, run_ids=run_ids))
    missing = [run for run in runs if run.status.needs_training]
    if not missing:
        return
    trained_here = [run for run in missing if not run.origin.is_external]
    for name in dict.fromkeys(str(run.trial.setting["data"]) for run in trained_here):
        # A data set of a plugin is read by the plugin, which need not be installed here.
        if not is_plugin_name("data", name):
            interface.fetch_data(name)
    view = interface.create_view(runs, missing)
    if interface.on_run_end is not None:
        view = ForwardingView(view, interface.on_run_end)
    stop = StopRequest(view.stopping, interface.signals)
    _train_runs(db, [run.id for run in missing], view, stop, execution)


def _train_runs(
    db: store.Database,
    run_ids: Sequence[int],
    view: TrainView,
    stop: StopRequest,
    execution: ExecutionOptions,
) -> None:
    """Trains runs until they end or the user wants to stop.

    Raises:
        Interrupted: the user stopped it, or the time of a SLURM task is nearly up.
        TimeLimitReached: the same for a task on several nodes.
    """
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


def _collect_failure(result: RunResult, failed: list[Run]) -> None:
    if result.status is Status.FAILED:
        failed.append(result.run)
