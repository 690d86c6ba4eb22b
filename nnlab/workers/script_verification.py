"""Executes the first steps of a script's run twice, and compares what is logged."""

import contextlib
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nnlab import store
from nnlab.errors import NnlabError
from nnlab.provenance.environment import masked_command_line
from nnlab.records import Epoch, Origin, Run, Status
from nnlab.scripts.sample_comparison import (
    LoggedSamples,
    Resume,
    SampleComparison,
    SampleDifference,
    compare_executions,
    compare_with_stored,
    find_resumes,
)
from nnlab.scripts.script_spec import VERSION_NAME, ScriptSpec, script_setting, without_version
from nnlab.scripts.script_version import script_version
from nnlab.scripts.seed_calls import unseeded_generators
from nnlab.workers.callbacks import RunResult
from nnlab.workers.heartbeat import LEASE_SECONDS
from nnlab.workers.save_policy import SavePolicy
from nnlab.workers.script_run import run_script
from nnlab.workers.worker_context import WorkerContext
from nnlab.workers.working_copy import create_working_copy

DEFAULT_STEPS = 50
DEFAULT_SECONDS = 120.0
# How many steps after the last resume are executed, unless a number of steps is given.
_STEPS_AFTER_RESUME = 20
_MAX_STEPS = 2_000
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
class ScriptVerification:
    """The result of the verification of a script's run.

    Attributes:
        run: the run.
        executions: the comparison of two executions; None if the script was not executed twice.
        stored: the comparison of the stored values with the first execution.
        resumes: the resumes of the stored run.
        code_change: the stored and the current version of the code if they differ.
        unseeded: generators that the script uses without a seed, with the call that seeds them.
        error: why the script could not be compared.
    """

    run: Run
    executions: SampleComparison | None = None
    stored: SampleComparison | None = None
    resumes: tuple[Resume, ...] = ()
    code_change: tuple[str, str] | None = None
    unseeded: tuple[tuple[str, str], ...] = ()
    error: str | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing differs and all curves join that can be compared."""
        comparisons = [each for each in (self.executions, self.stored) if each is not None]
        return (
            self.error is None
            and all(each.difference is None for each in comparisons)
            and all(resume.joins is not False for resume in self.resumes)
        )

    @property
    def first_difference(self) -> SampleDifference | None:
        """The first value that differs between two executions."""
        return None if self.executions is None else self.executions.difference


def verify_script_run(
    db: store.Database, run: Run, limits: VerificationLimits, on_progress: OnProgress
) -> ScriptVerification:
    """Compares the resumes of a run, and two new executions of its first steps.

    The executions use copies of the working folder and databases of their own, which are deleted.
    Runs that nnlab cannot start, recorded or imported ones, are only checked for resumes.

    Args:
        db: the database.
        run: a run of another program.
        limits: how much is executed.
        on_progress: called now and then with the number of steps of the current execution.
    """
    logged = store.samples(db, run.id)
    starts = [attempt.started_at.timestamp() for attempt in store.attempts(db, run.id)]
    resumes = find_resumes(logged, starts, tolerance=limits.tolerance)
    result = ScriptVerification(run, resumes=resumes)
    if not logged:
        return replace(result, error=_NO_METRICS)
    if not run.origin.is_startable:
        if resumes:
            return result
        return replace(result, error=f"nnlab did not start it: it was {run.origin}")
    try:
        return _execute_and_compare(db, result, logged, limits, on_progress)
    except NnlabError as error:
        return replace(result, error=error.message)


_NO_METRICS = (
    "it has logged no metric, so there is nothing to compare; --metrics lines reads metrics that a"
    " script prints"
)


def _execute_and_compare(
    db: store.Database,
    result: ScriptVerification,
    logged: LoggedSamples,
    limits: VerificationLimits,
    on_progress: OnProgress,
) -> ScriptVerification:
    run = result.run
    record = store.find_script(db, run.id)
    if record is None:
        return replace(result, error="the study of the run has no record of its script")
    spec = ScriptSpec.from_json(record)
    limits = replace(limits, steps=limits.steps or _useful_steps(result.resumes))
    with tempfile.TemporaryDirectory(prefix="nnlab-verify-") as temporary:
        executions = []
        for name in ("first", "second"):
            execution = _execute(run, spec, Path(temporary) / name, limits, on_progress)
            if execution.error is not None:
                return replace(result, error=execution.error)
            executions.append(execution)
    first, second = (execution.logged for execution in executions)
    comparison = compare_executions(first, second, tolerance=limits.tolerance)
    if comparison.difference is None and all(each.is_complete for each in executions):
        comparison = replace(comparison, difference=_missing_end(first, second))
    return replace(
        result,
        executions=comparison,
        stored=compare_with_stored(logged, first, tolerance=limits.tolerance),
        code_change=_code_change(run, spec),
        unseeded=_unseeded(spec) if comparison.difference is not None else (),
    )


@dataclass(frozen=True, slots=True)
class _Execution:
    """What an execution has logged, and whether the script ended by itself."""

    logged: LoggedSamples
    is_complete: bool = False
    error: str | None = None


def _execute(
    run: Run, spec: ScriptSpec, folder: Path, limits: VerificationLimits, on_progress: OnProgress
) -> _Execution:
    """Executes the first steps of a run in a folder of its own."""
    folder.mkdir()
    began = (run.started_at or run.created_at).timestamp()
    copied_spec = _spec_in_copy(spec, folder / "work", began).with_current_version()
    values = without_version(run.trial.setting)
    setting, digest = script_setting(copied_spec, values)
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
        return _Execution(logged, error=f"the script fails: {reason}")
    if not logged:
        return _Execution(logged, error=f"it has logged no metric within {limits.seconds:g} s")
    is_complete = status in (Status.FINISHED, Status.DIVERGED)
    return _Execution(_first_steps(logged, limits.steps), is_complete)


def _spec_in_copy(spec: ScriptSpec, work: Path, began: float) -> ScriptSpec:
    """The script in a copy of its working folder, if it lies there."""
    folder = Path(spec.folder)
    create_working_copy(folder, work, began=began)
    path = spec.path
    if path is not None and Path(path).is_relative_to(folder):
        path = str(work / Path(path).relative_to(folder))
    return replace(
        spec, path=path, folder=str(work), time_limit=None, grace=min(spec.grace, _GRACE_SECONDS)
    )


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


def _useful_steps(resumes: tuple[Resume, ...]) -> int:
    """How many steps to execute: enough to compare the stored values after the last resume."""
    last = max((resume.step or 0 for resume in resumes), default=0)
    wanted = last + _STEPS_AFTER_RESUME if resumes else 0
    return min(max(DEFAULT_STEPS, wanted), _MAX_STEPS)


def _missing_end(first: LoggedSamples, second: LoggedSamples) -> SampleDifference | None:
    """The first value that only the longer of two complete executions has logged."""
    if len(first) == len(second):
        return None
    is_first = len(first) > len(second)
    _, sample = (first if is_first else second)[min(len(first), len(second))]
    values = (sample.value, None) if is_first else (None, sample.value)
    return SampleDifference(sample.metric, sample.step, sample.epoch, *values)


def _code_change(run: Run, spec: ScriptSpec) -> tuple[str, str] | None:
    stored, current = str(run.trial.setting.get(VERSION_NAME)), spec.current_version()
    return None if stored == current else (stored, current)


def _unseeded(spec: ScriptSpec) -> tuple[tuple[str, str], ...]:
    if spec.path is None:
        return ()
    with contextlib.suppress(OSError, NnlabError):
        sources = [file.read_bytes() for file in script_version(Path(spec.path)).files]
        return tuple(unseeded_generators(sources).items())
    return ()
