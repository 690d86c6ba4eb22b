"""A call of `nnlab.train`: request, specification, queue, execution, result."""

import signal
from dataclasses import dataclass, replace
from pathlib import Path

from nnlab import store
from nnlab.analysis.arm_labels import load_arms
from nnlab.analysis.run_overview import overviews_of_runs
from nnlab.api.train_observer import TrainObserver
from nnlab.api.train_result import TrainResult
from nnlab.engine.data import fetch
from nnlab.errors import Interrupted, UsageError
from nnlab.study.database import open_results, opening_notes
from nnlab.study.execution_options import check_execution_options
from nnlab.study.found_decay import find_decay_request
from nnlab.study.pretrain import pretrain_extension_request, pretrain_request
from nnlab.study.queue import queue_runs
from nnlab.study.queue_notes import queue_notes
from nnlab.study.request import TrainRequest
from nnlab.study.resolution import read_request, resolve_request
from nnlab.study.spec import StudySpec, shortfall_notes
from nnlab.study.stop_signals import restore_signal_handlers
from nnlab.study.training import TrainingInterface, train_queued
from nnlab.workers.executor import ExecutionOptions
from nnlab.workers.nodes import nodes_from_environment
from nnlab.workers.parallel_config import silence_torch_logs


@dataclass(frozen=True, slots=True)
class TrainCall:
    """How `nnlab.train` handles a request.

    Attributes:
        db: path or URL of the database; None for the default.
        execution: what trains the runs, and what is stored of them.
        observer: shows the progress and collects notes.
        extend_command: the call that extends the study, for hints.
        again: whether each run is repeated even if it is stored already.
        wait: whether to wait for runs of the study that other processes train.
    """

    db: str | None
    execution: ExecutionOptions
    observer: TrainObserver
    extend_command: str
    again: bool = False
    wait: bool = True


def execute_call(request: TrainRequest, config: Path | None, call: TrainCall) -> TrainResult:
    """Trains a request and returns its runs.

    Raises:
        NnlabError: a setting is not valid, the database cannot be used, or a run failed.
        KeyboardInterrupt: the user stopped it.
        BaseException: what a function of the caller raised.
    """
    if call.execution.parallel is not None:
        silence_torch_logs()
        if nodes_from_environment().count > 1:
            raise UsageError(
                "nnlab.train trains on one machine, and the environment names several nodes",
                hint="nnlab train --parallel on each of them (docs/scaling.md)",
            )
    try:
        with restore_signal_handlers():
            return _train(request, config, call)
    except Interrupted as error:
        if call.observer.error is not None:
            raise call.observer.error from None
        raise KeyboardInterrupt(error.message) from error


def _train(request: TrainRequest, config: Path | None, call: TrainCall) -> TrainResult:
    """Trains a request in the five calls of the command line (docs/architecture.md)."""
    request = read_request(request, config, call.db)
    check_execution_options(request, call.execution)
    _train_initial_weights(pretrain_request(request), call)
    _train_decay_source(find_decay_request(request), call)
    # Every invalid setting is reported before a database is created or written.
    specification = resolve_request(request, call.db, call.extend_command)
    if isinstance(specification, StudySpec):
        for note in shortfall_notes(request, specification):
            call.observer.note(note)
    _train_initial_weights(pretrain_extension_request(specification, call.db), call)
    with open_results(call.db, write=True, create=isinstance(specification, StudySpec)) as database:
        queued = queue_runs(
            database,
            request,
            specification,
            again=call.again,
            failed_only=call.execution.failed_only,
            command=call.extend_command,
        )
        for note in (*opening_notes(database), *queue_notes(queued)):
            call.observer.note(note)
        result = train_queued(
            database, queued, _interface(database, call.observer), call.execution, wait=call.wait
        )
        if result.error is not None:
            raise result.error
        runs = store.runs(database, run_ids=result.run_ids)
        return TrainResult(
            overviews_of_runs(database, runs),
            queued.study.name,
            database.address,
            call.observer.notes,
        )


def _interface(db: store.Database, observer: TrainObserver) -> TrainingInterface:
    return TrainingInterface(
        create_view=lambda runs, missing: observer.create_view(runs, missing, load_arms(db)),
        report=observer.report,
        fetch_data=fetch,
        # Only Ctrl-C: other signals are the business of the program that calls this function.
        signals=(signal.SIGINT,),
    )


def _train_initial_weights(request: TrainRequest | None, call: TrainCall) -> None:
    """Trains the runs whose weights a study starts from; runs that have a result stay."""
    if request is None:
        return
    save_policy = replace(call.execution.save_policy, models=True)
    execution = replace(call.execution, save_policy=save_policy)
    _train(request, None, replace(call, execution=execution, again=False, wait=True))


def _train_decay_source(request: TrainRequest | None, call: TrainCall) -> None:
    """Trains the runs in which find-decay finds a decay; runs that have a result stay."""
    if request is not None:
        _train(request, None, replace(call, again=False, wait=True))
