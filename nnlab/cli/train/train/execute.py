"""Executes runs for the train commands: progress, stop requests and the report of results."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.cli.interrupt import StopRequest
from nnlab.cli.train.train import messages
from nnlab.cli.train.train.downloads import fetch_with_progress
from nnlab.cli.train.train.notifications import ForwardingView, OnRunEnd
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.errors import Interrupted, NnlabError, TimeLimitReached
from nnlab.io.command_line import quote_command
from nnlab.records import Run, Status
from nnlab.workers import slurm
from nnlab.workers.executor import ExecutionOptions, choose_executor

if TYPE_CHECKING:
    from nnlab.cli.train.train.progress import TrainView
    from nnlab.workers.callbacks import RunResult


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How much to print: only the result, or a line for every epoch."""

    quiet: bool
    verbose: bool


def work(
    db: store.Database, run_ids: Sequence[int], show: OutputOptions, how: ExecutionOptions
) -> None:
    """Trains what is missing of these runs and says what came out.

    Raises:
        NnlabError: a run failed, or all diverged and `how` does not allow that.
        Interrupted: the user stopped it.
    """
    train_missing(db, run_ids, show, how)
    report_result(db, run_ids, show, allow_diverged=how.allow_diverged)


def train_missing(
    db: store.Database,
    run_ids: Sequence[int],
    show: OutputOptions,
    how: ExecutionOptions,
    *,
    on_ended: OnRunEnd | None = None,
) -> None:
    """Trains what is missing of these runs; `on_ended` is called when a run is over.

    Raises:
        Interrupted: the user stopped it.
    """
    runs = store.runs(db, run_ids=run_ids)
    missing = [run for run in runs if run.status.needs_training]
    if not missing:
        return
    for name in dict.fromkeys(str(run.trial.setting["data"]) for run in missing):
        fetch_with_progress(name)
    view = _choose_view(runs, missing, show)
    if on_ended is not None:
        view = ForwardingView(view, on_ended)
    _train_runs(db, [run.id for run in missing], view, how)


def report_result(
    db: store.Database, run_ids: Sequence[int], show: OutputOptions, *, allow_diverged: bool = False
) -> None:
    """Says what came out of runs.

    Raises:
        NnlabError: a run failed, or all diverged and that is not allowed.
        Interrupted: `nnlab stop` held some back.
    """
    messages.print_result(db, run_ids, quiet=show.quiet)
    after = store.runs(db, run_ids=run_ids)
    _raise_for_failures(db, after)
    _raise_for_stopped(after)
    if not allow_diverged:
        _raise_if_all_diverged(after)


def _choose_view(runs: Sequence[Run], missing: Sequence[Run], show: OutputOptions) -> "TrainView":
    """The screen that fits: a bar on a terminal, lines in a pipe, or nothing."""
    from nnlab.cli.train.train.progress import BarView, LinesView, QuietView

    fields = distinguishing_fields([run.trial.setting for run in runs])

    def describe(run: Run) -> str:
        return f"{setting_label(run.trial.setting, fields)} seed={run.seed}".strip()

    if show.quiet:
        return QuietView(describe)
    if not sys.stdout.isatty():
        return LinesView(describe, every_epoch=show.verbose)
    left = sum(run.epochs_planned - run.epochs for run in missing)
    return BarView(describe, runs=len(missing), epochs=left, every_epoch=show.verbose)


def _train_runs(
    db: store.Database, run_ids: Sequence[int], view: "TrainView", how: ExecutionOptions
) -> None:
    stop = StopRequest(view.stopping)
    failed: list[Run] = []

    def should_stop() -> bool:
        how.raise_if_node_lost()
        return stop.asked or (how.fail_fast and bool(failed))

    listener = ForwardingView(view, lambda ended: _collect_failure(ended, failed))
    try:
        execute_queue = choose_executor(db, run_ids, how)
        with stop, view:
            execute_queue(listener, should_stop)
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped in mid epoch; every finished epoch is kept", hint=_RESUME_HINT
        ) from None
    if stop.time_is_up and slurm.is_array_task():
        told = "the time of this task is nearly up; it is queued once more"
        if how.is_multi_node:
            # To be queued again ends a job on all of its nodes: its script does, after them.
            raise TimeLimitReached(told)
        if slurm.requeue_task():
            raise Interrupted(told)
    if stop.asked:
        raise Interrupted("every finished epoch is kept", hint=_RESUME_HINT)


def _collect_failure(ended: "RunResult", failed: list[Run]) -> None:
    if ended.status is Status.FAILED:
        failed.append(ended.run)


_RESUME_HINT = "the same command goes on where this one stopped"


def failed_runs(runs: Sequence[Run]) -> list[Run]:
    """Those that have failed."""
    return [run for run in runs if run.status is Status.FAILED]


def _raise_for_failures(db: store.Database, runs: Sequence[Run]) -> None:
    if failed := failed_runs(runs):
        error = NnlabError(
            f"{len(failed)} of {len(runs)} runs failed; run {failed[0].id}: {failed[0].reason}",
            hint=f"`{quote_command('nnlab', 'show', failed[0].id)}` tells more; the same command"
            " tries again",
        )
        attempts = store.attempts(db, failed[0].id)
        if attempts and attempts[-1].traceback:
            # With --debug Python prints it: the model may have failed in another process.
            error.add_note(f"run {failed[0].id}:\n{attempts[-1].traceback}")
        raise error


def _raise_if_all_diverged(runs: Sequence[Run]) -> None:
    if runs and all(run.status is Status.DIVERGED for run in runs):
        which = "the run" if len(runs) == 1 else f"all {len(runs)} runs"
        raise NnlabError(
            f"{which} diverged; run {runs[0].id}: {runs[0].reason}",
            hint="a lower learning rate; --allow-diverged makes this exit code 0",
        )


def _raise_for_stopped(runs: Sequence[Run]) -> None:
    stopped = [run for run in runs if run.stop_requested_at and run.status.needs_training]
    if stopped:
        raise Interrupted(
            f"nnlab stop held back {len(stopped)} of {len(runs)} runs; every finished epoch is"
            " kept",
            hint=_RESUME_HINT,
        )
