"""Executes queued runs for the train commands, with their progress on the screen."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.arm_labels import ArmsOfStudies, load_arms
from nnlab.cli.train.train import present
from nnlab.cli.train.train.downloads import fetch_with_progress
from nnlab.records import Run
from nnlab.study.events import ExecutionEvent
from nnlab.study.execution import ExecutionResult
from nnlab.study.notifications import OnRunEnd
from nnlab.study.progress_lines import run_describer
from nnlab.study.queue import QueuedRuns
from nnlab.study.training import TrainingInterface, train_queued
from nnlab.workers.executor import ExecutionOptions

if TYPE_CHECKING:
    from nnlab.study.train_view import TrainView


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How much is printed: only the result (`quiet`), or a line for every epoch (`verbose`).

    With `is_data` standard output is for a program, so that failures are printed on standard error.
    """

    quiet: bool
    verbose: bool
    is_data: bool = False


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
    interface = TrainingInterface(
        create_view=lambda runs, missing: _choose_view(runs, missing, output, load_arms(db)),
        report=_ignore_event if output.quiet else present.print_event,
        fetch_data=fetch_with_progress,
        on_run_end=on_run_end,
    )
    return train_queued(db, queued, interface, execution, wait=wait)


def _ignore_event(event: ExecutionEvent) -> None:
    """Prints nothing."""


def _choose_view(
    runs: Sequence[Run], missing: Sequence[Run], output: OutputOptions, arms: ArmsOfStudies
) -> "TrainView":
    """The view for this output: a bar on a terminal, lines in a pipe, or only failures.

    Args:
        runs: all runs; labels name what distinguishes them.
        missing: the runs that will be trained.
        output: how much is printed.
        arms: the arms of the studies, which name their runs.
    """
    # Imported only here: the views need rich, which takes time to import.
    from nnlab.cli.train.train.progress import BarView, LinesView, QuietView, ScriptBarView

    describe = run_describer(runs, arms)
    if output.quiet:
        return QuietView(describe, stderr=output.is_data)
    if not sys.stdout.isatty():
        return LinesView(describe, every_epoch=output.verbose)
    if missing and missing[0].origin.is_external:
        return ScriptBarView(describe, runs=len(missing), every_epoch=output.verbose)
    epochs_left = sum(run.epochs_planned - run.epochs for run in missing)
    return BarView(describe, runs=len(missing), epochs=epochs_left, every_epoch=output.verbose)
