"""Executes the first steps of a script's run twice, and compares what is logged."""

import contextlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from nnlab import store
from nnlab.errors import NnlabError
from nnlab.records import Run
from nnlab.scripts.sample_comparison import (
    LoggedSamples,
    Resume,
    SampleComparison,
    SampleDifference,
    compare_executions,
    compare_with_stored,
    find_resumes,
)
from nnlab.scripts.script_spec import VERSION_NAME, ScriptSpec
from nnlab.scripts.script_version import script_version
from nnlab.scripts.seed_calls import unseeded_generators
from nnlab.workers.short_execution import (
    DEFAULT_STEPS,
    OnProgress,
    VerificationLimits,
    execute_first_steps,
)

# How many steps after the last resume are executed, unless a number of steps is given.
_STEPS_AFTER_RESUME = 20
_MAX_STEPS = 2_000


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
    code_change = _code_change(run, spec)
    limits = replace(limits, steps=limits.steps or _useful_steps(result.resumes))
    # A process that the script has left behind may still write into the folder.
    with tempfile.TemporaryDirectory(
        prefix="nnlab-verify-", ignore_cleanup_errors=True
    ) as temporary:
        executions = []
        for name in ("first", "second"):
            execution = execute_first_steps(run, spec, Path(temporary) / name, limits, on_progress)
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
        code_change=code_change,
        unseeded=_unseeded(spec) if comparison.difference is not None else (),
    )


def _useful_steps(resumes: tuple[Resume, ...]) -> int:
    """How many steps to execute: enough to compare the stored values after the last resume."""
    last_resume = max((resume.step or 0 for resume in resumes), default=-_STEPS_AFTER_RESUME)
    return min(max(DEFAULT_STEPS, last_resume + _STEPS_AFTER_RESUME), _MAX_STEPS)


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
