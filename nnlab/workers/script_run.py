"""`run_script` executes one claimed run of a user's script, and stores what it measures."""

import contextlib
import threading
import time
import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path

from nnlab import store
from nnlab.errors import LeaseLost, NnlabError, OutputError, StoreError
from nnlab.io.redaction import mask_secrets
from nnlab.records import Run, Status
from nnlab.scripts.script_spec import VERSION_NAME, ScriptSpec, build_command
from nnlab.stats import format_duration
from nnlab.workers.callbacks import RunResult
from nnlab.workers.heartbeat import heartbeat
from nnlab.workers.script_environment import attempt_environment, process_environment
from nnlab.workers.script_folder import create_script_folder
from nnlab.workers.script_metrics import create_metric_source
from nnlab.workers.script_outcome import ScriptOutcome, StopCause, script_outcome
from nnlab.workers.script_process import ScriptProcess
from nnlab.workers.script_pruning import ScriptPruning
from nnlab.workers.script_recorder import ScriptRecorder
from nnlab.workers.script_restarts import Restarts
from nnlab.workers.script_results import finish_script_run
from nnlab.workers.spool import retry_when_disconnected
from nnlab.workers.worker_context import WorkerContext

STOPPED_WITH_COMMAND = "stopped with the command that executed it"

_POLL_SECONDS = 0.1
_CHECK_SECONDS = 1.0


def run_script(context: WorkerContext, claim: store.Claim) -> RunResult:
    """Executes a claimed run until its process ends or the worker is asked to stop.

    Args:
        context: the worker's database, callbacks, stop request and devices.
        claim: the run, and this worker's lease on it.

    Raises:
        StoreError, OutputError: nothing more can be stored; the run stays resumable.
        KeyboardInterrupt: the worker is ended; the run is marked as interrupted.
    """
    try:
        with heartbeat(context.db, [claim]) as lease_lost:
            result = _ScriptRun(context, claim, lease_lost).execute()
    except BaseException as error:  # noqa: BLE001  every end of a run is stored
        result = _release_after_error(context.db, claim, error)
    context.callbacks.on_run_end(result)
    return result


class _ScriptRun:
    """One claimed run of a script."""

    def __init__(
        self, context: WorkerContext, claim: store.Claim, lease_lost: threading.Event
    ) -> None:
        self._context, self._db, self._lease_lost = context, context.db, lease_lost
        self._spec = _read_spec(context.db, claim.run)
        self._claim = self._with_current_version(claim)
        self._run = self._claim.run
        self._note = partial(context.callbacks.on_note, self._run)
        self._artifacts = _artifact_root(self._run, context.save_policy.artifacts)
        self._folder = create_script_folder(self._db, self._run, self._artifacts)
        self._recorder = ScriptRecorder(self._db, self._claim, self._folder, self._note)
        pruner = store.find_pruner(self._db, self._run)
        self._pruning = ScriptPruning(self._db, self._run, pruner) if pruner else None
        self._pruned_at: int | None = None
        self._next_check = 0.0

    def execute(self) -> RunResult:
        """Starts the script, again if it was killed or out of memory, and stores the result."""
        environment = attempt_environment(self._spec, self._context)
        begin = partial(self._recorder.begin, environment, self._artifacts)
        retry_when_disconnected(begin, self._note)
        self._context.callbacks.on_run_start(self._run, self._recorder.position)
        restarts = Restarts(self._context.script_resources)
        while True:
            position = self._recorder.position
            outcome = self._execute_once()
            if outcome.retry is None:
                break
            restart = restarts.next(outcome.retry, progress=self._recorder.position > position)
            if restart is None:
                outcome = replace(outcome, reason=restarts.final_reason(outcome))
                break
            self._note(restart.message)
            restart.wait()
        return finish_script_run(
            self._db, self._run, self._recorder, outcome, self._note, pruned_at=self._pruned_at
        )

    def _execute_once(self) -> ScriptOutcome:
        """Starts the script and waits for its end."""
        self._recorder.before_start()
        source = create_metric_source(self._spec, self._run, self._folder, self._objective_name())
        process = ScriptProcess(
            build_command(self._spec, self._run.trial.setting, self._run.known_seed, self._folder),
            folder=Path(self._spec.folder),
            run_folder=self._folder,
            environment=process_environment(self._context, self._claim, self._folder),
            grace=self._spec.grace,
        )
        stop: StopCause | None = None
        exit_code: int | None = None
        try:
            while exit_code is None:
                exit_code = process.wait(_POLL_SECONDS)
                self._recorder.handle_output(source, process.take_output())
                self._show_progress()
                if exit_code is None and stop is None:
                    stop = self._stop_cause()
                    if stop is not None:
                        process.request_stop()
        finally:
            process.close(end_others=exit_code != 0)
        self._recorder.after_end(source, process.take_output())
        return script_outcome(exit_code, process.tail, stop)

    def _objective_name(self) -> tuple[str, ...]:
        find = partial(store.find_objective, self._db, self._run.id)
        objective = retry_when_disconnected(find, self._note)
        return () if objective is None else (objective.metric,)

    def _show_progress(self) -> None:
        with contextlib.suppress(StoreError):
            progress = self._recorder.progress()
            if progress is not None:
                self._context.callbacks.on_epoch_end(*progress)

    def _stop_cause(self) -> StopCause | None:
        """Why the script has to end now, or None.

        Raises:
            LeaseLost: another worker has claimed the run.
        """
        if self._lease_lost.is_set():
            raise LeaseLost(f"run {self._run.id} was taken over by another worker")
        if self._context.should_stop():
            return StopCause(Status.INTERRUPTED, STOPPED_WITH_COMMAND)
        limit = self._spec.time_limit
        if limit is not None and self._recorder.seconds > limit:
            return StopCause(
                Status.FAILED, f"it reached the time limit of {format_duration(limit)}"
            )
        if time.monotonic() < self._next_check:
            return None
        self._next_check = time.monotonic() + _CHECK_SECONDS
        with contextlib.suppress(StoreError):
            if store.is_stop_requested(self._db, self._run.id):
                return StopCause(Status.INTERRUPTED, store.STOPPED_REASON)
            return self._pruning_cause()
        return None

    def _pruning_cause(self) -> StopCause | None:
        decision = None if self._pruning is None else self._pruning.check()
        if decision is None:
            return None
        self._pruned_at, reason = decision
        return StopCause(Status.FINISHED, reason)

    def _with_current_version(self, claim: store.Claim) -> store.Claim:
        """The claim of the run, as one of the trial with the version of the code that is there now.

        Raises:
            UserCodeError: the script cannot be read.
        """
        setting = claim.run.trial.setting
        version = self._spec.current_version()
        queued_version = setting.get(VERSION_NAME)
        if version == queued_version:
            return claim
        self._context.callbacks.on_note(
            claim.run,
            f"the code has changed since the run was queued (version {queued_version} ->"
            f" {version}): it belongs to the trial of the new version",
        )
        run = store.change_setting(self._db, claim, {**setting, VERSION_NAME: version}, None)
        return replace(claim, run=run)


def _read_spec(db: store.AnyDatabase, run: Run) -> ScriptSpec:
    record = retry_when_disconnected(partial(store.find_script, db, run.id))
    if record is None:
        raise StoreError(f"the study of run {run.id} has no record of its script")
    return ScriptSpec.from_json(record)


def _artifact_root(run: Run, artifacts: str | None) -> str | None:
    """The folder of a run's files: that of its earlier attempts, or of the save policy."""
    if artifacts is None or run.artifacts is not None or run.epochs:
        return run.artifacts
    return f"{artifacts.rstrip('/')}/{store.creation_stamp(run.created_at)}"


def _release_after_error(
    db: store.AnyDatabase, claim: store.Claim, error: BaseException
) -> RunResult:
    """Releases a run that an error of nnlab has ended; returns its result.

    Raises:
        StoreError, OutputError: nothing more can be stored; the run stays resumable.
        BaseException: the error itself if it is no Exception; the run is marked as interrupted.
    """
    if isinstance(error, NnlabError):
        reason = mask_secrets(error.message)
    else:
        reason = mask_secrets(f"{type(error).__name__}: {error}".removesuffix(": "))
    if isinstance(error, LeaseLost):
        return RunResult(claim.run, Status.INTERRUPTED, reason)
    if isinstance(error, StoreError | OutputError) or not isinstance(error, Exception):
        with contextlib.suppress(StoreError):
            store.release_run(db, claim, Status.INTERRUPTED, reason=reason)
        raise error
    fail = partial(store.release_run, db, claim, Status.FAILED, reason=reason)
    is_expected = isinstance(error, NnlabError)
    text = None if is_expected else "".join(traceback.format_exception(error))
    retry_when_disconnected(partial(fail, traceback=text))
    return RunResult(claim.run, Status.FAILED, reason)
