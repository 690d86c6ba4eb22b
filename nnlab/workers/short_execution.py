"""Executes the first steps of a script's run again, in a copy of its working folder."""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nnlab import store
from nnlab.errors import NnlabError
from nnlab.io.files import to_nnlab_error
from nnlab.objective import Scalar
from nnlab.provenance.environment import masked_command_line
from nnlab.records import Epoch, Origin, Run, Status
from nnlab.scripts.sample_comparison import LoggedSamples
from nnlab.scripts.script_spec import ScriptSpec, script_setting, without_version
from nnlab.workers.callbacks import RunResult
from nnlab.workers.heartbeat import LEASE_SECONDS
from nnlab.workers.save_policy import SavePolicy
from nnlab.workers.script_run import run_script
from nnlab.workers.worker_context import WorkerContext
from nnlab.workers.working_copy import create_working_copy

DEFAULT_STEPS = 50
DEFAULT_SECONDS = 120.0
_STUDY = "verify"
# A script has this time to end after its steps were logged; what it saves is deleted anyway.
_GRACE_SECONDS = 3.0
_CHECK_SECONDS = 0.2

OnProgress = Callable[[Run, int], None]


@dataclass(frozen=True, slots=True)
class VerificationLimits:
    """How much of a script is executed.

    Attributes:
        steps: the number of logged steps of each execution; None for as many as are useful.
        seconds: the longest duration of each execution.
        tolerance: the largest relative difference of values that is no difference.
    """

    steps: int | None = None
    seconds: float = DEFAULT_SECONDS
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class ShortExecution:
    """What an execution has logged, and whether the script ended by itself."""

    logged: LoggedSamples
    is_complete: bool = False
    error: str | None = None


def execute_first_steps(
    run: Run, spec: ScriptSpec, folder: Path, limits: VerificationLimits, on_progress: OnProgress
) -> ShortExecution:
    """Executes the first steps of a run in a folder of its own."""
    work = folder / "work"
    began = (run.started_at or run.created_at).timestamp()
    try:
        create_working_copy(Path(spec.folder), work, began=began)
    except OSError as error:
        raise to_nnlab_error(error, work) from error
    moved = _PathInCopy(Path(spec.folder), work)
    copied_spec = moved.spec(spec).with_current_version()
    values = {name: moved.value(value) for name, value in run.trial.setting.items()}
    setting, digest = script_setting(copied_spec, without_version(values))
    db = store.open_database(str(folder / "runs.db"), write=True, create=True)
    with contextlib.closing(db):
        study = store.put_script(db, _STUDY, copied_spec.to_json())
        run_spec = store.RunSpec(setting, digest, run.known_seed, 0, origin=Origin.SCRIPT)
        store.enqueue(db, study, [run_spec])
        (claim,) = _claim(db)
        steps = _StepCounter(db, claim.run.id, limits, lambda count: on_progress(run, count))
        collector = _ResultCollector()
        context = WorkerContext(db, collector, steps.is_enough, SavePolicy(models=False))
        run_script(context, claim)
        logged = store.samples(db, claim.run.id)
    status, reason = collector.status, collector.reason
    if status is Status.FAILED:
        return ShortExecution(logged, error=f"the script fails: {reason}")
    if not logged:
        return ShortExecution(logged, error=f"it has logged no metric within {limits.seconds:g} s")
    is_complete = status in (Status.FINISHED, Status.DIVERGED)
    return ShortExecution(_first_steps(logged, limits.steps), is_complete)


@dataclass(frozen=True, slots=True)
class _PathInCopy:
    """Replaces absolute paths in the working folder by those in its copy."""

    folder: Path
    work: Path

    def spec(self, spec: ScriptSpec) -> ScriptSpec:
        """The script as it is executed in the copy."""
        return replace(
            spec,
            path=None if spec.path is None else str(self.value(spec.path)),
            folder=str(self.work),
            metrics=str(self.value(spec.metrics)),
            time_limit=None,
            grace=min(spec.grace, _GRACE_SECONDS),
        )

    def value(self, value: Scalar) -> Scalar:
        """The value, or the path in the copy if it is a path in the working folder."""
        if isinstance(value, str) and Path(value).is_absolute():
            path = Path(value)
            if path.is_relative_to(self.folder):
                return str(self.work / path.relative_to(self.folder))
        return value


def _claim(db: store.Database) -> tuple[store.Claim, ...]:
    return store.claim_runs(
        db,
        run_ids=[run.id for run in store.runs(db)],
        max_runs=1,
        hostname=socket.gethostname(),
        pid=os.getpid(),
        command=masked_command_line(),
        pid_namespace=store.current_pid_namespace(),
        lease_seconds=LEASE_SECONDS,
    )


class _StepCounter:
    """Says when an execution has logged enough steps or lasted long enough."""

    def __init__(
        self,
        db: store.Database,
        run_id: int,
        limits: VerificationLimits,
        on_progress: Callable[[int], None],
    ) -> None:
        self._db, self._run_id, self._limits = db, run_id, limits
        self._on_progress = on_progress
        self._deadline = time.monotonic() + limits.seconds
        self._next_check = 0.0

    def is_enough(self) -> bool:
        """Whether the script can be stopped."""
        now = time.monotonic()
        if now >= self._deadline:
            return True
        if now < self._next_check:
            return False
        self._next_check = now + _CHECK_SECONDS
        needed = self._limits.steps or DEFAULT_STEPS
        count = 0
        with contextlib.suppress(NnlabError):
            if store.next_seq(self._db, self._run_id):
                count = len(set(_positions(store.samples(self._db, self._run_id))))
        self._on_progress(min(count, needed))
        # One more than needed, because the last step may be logged in several calls.
        return count > needed


class _ResultCollector:
    """`RunCallbacks` that remember how a run has ended."""

    def __init__(self) -> None:
        self.status: Status | None = None
        self.reason: str | None = None

    def on_run_start(self, run: Run, epoch: int) -> None:
        """See `RunCallbacks`."""

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """See `RunCallbacks`."""

    def on_note(self, run: Run, message: str) -> None:
        """See `RunCallbacks`."""

    def on_run_end(self, result: RunResult) -> None:
        """See `RunCallbacks`."""
        self.status, self.reason = result.status, result.reason


def _positions(logged: LoggedSamples) -> Iterator[tuple[int | None, float | None] | int]:
    """The step or epoch of each sample, or the number of its log call."""
    for seq, sample in logged:
        has_position = sample.step is not None or sample.epoch is not None
        yield (sample.step, sample.epoch) if has_position else seq


def _first_steps(logged: LoggedSamples, steps: int | None) -> LoggedSamples:
    """The log calls until the last one of the first steps."""
    if steps is None:
        return logged
    seen: dict[object, None] = {}
    for index, position in enumerate(_positions(logged)):
        seen.setdefault(position)
        if len(seen) > steps:
            return logged[:index]
    return logged
