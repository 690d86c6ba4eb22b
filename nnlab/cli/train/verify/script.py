"""Verifies runs of scripts for `nnlab verify`, and describes the results."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nnlab import store
from nnlab.cli.output.render import console, say
from nnlab.io.text import format_count
from nnlab.records import Run
from nnlab.scripts.sample_comparison import Resume, SampleComparison, SampleDifference

if TYPE_CHECKING:
    from nnlab.workers.script_verification import ScriptVerification
    from nnlab.workers.short_execution import VerificationLimits


def verify_script_runs(
    database: store.Database, runs: Sequence[Run], limits: "VerificationLimits", *, quiet: bool
) -> list["ScriptVerification"]:
    """The results of runs of other programs; prints them unless `quiet`."""
    if not runs:
        return []
    # Imported only here: other runs do not need it.
    from nnlab.workers.script_verification import verify_script_run

    results = []
    for run in runs:
        with _step_display() as on_progress:
            result = verify_script_run(database, run, limits, on_progress)
        results.append(result)
        if not quiet:
            for line in describe_script_result(result):
                style = "" if result.holds else "bold"
                say(f"run {run.id}  {line}", style=style)
            for hint in _hints(result):
                say(hint, style="dim")
    return results


@contextmanager
def _step_display() -> Iterator[Callable[[Run, int], None]]:
    """Shows on a terminal how many steps an execution has logged."""
    if not sys.stdout.isatty():
        yield lambda _run, _count: None
        return
    with console().status("") as status:
        yield lambda run, count: status.update(f"run {run.id}: {format_count(count, 'step')}")


def describe_script_result(result: "ScriptVerification") -> Iterator[str]:
    """The result of a run in sentences: its executions, its stored values, and each resume."""
    if result.error is not None:
        yield f"cannot be compared: {result.error}"
    if result.executions is not None:
        yield _describe_executions(result.executions)
    if result.stored is not None and (
        result.executions is None or result.executions.difference is None
    ):
        yield _describe_stored(result.stored)
    for resume in result.resumes:
        yield _describe_resume(resume, None if result.stored is None else result.stored.difference)


def _describe_executions(comparison: SampleComparison) -> str:
    if comparison.difference is not None:
        return f"two executions differ {_difference_text(comparison.difference, 'first', 'second')}"
    values = format_count(comparison.values, "value")
    if comparison.largest:
        return f"two executions agree within {comparison.largest:.1e}: {values}"
    return f"two executions are the same to the last bit: {values}"


def _describe_stored(comparison: SampleComparison) -> str:
    if comparison.difference is not None:
        difference = _difference_text(comparison.difference, "stored", "now")
        return f"they differ from the stored run {difference}"
    if not comparison.values:
        return "no stored value is at the same step"
    values = format_count(comparison.values, "value")
    if comparison.largest:
        return f"they agree with the stored run within {comparison.largest:.1e}: {values}"
    return f"they are the same as the stored run: {values}"


def _difference_text(difference: SampleDifference, first: str, second: str) -> str:
    """A difference in words: `at step 3: train/loss is 0.5 (first) and 0.6 (second)`."""
    values = [
        f"not logged ({name})" if value is None else f"{value!r} ({name})"
        for name, value in ((first, difference.first), (second, difference.second))
    ]
    relative = difference.relative
    apart = "" if relative is None else f", {relative:.1e} apart"
    where = f"{difference.position}: " if difference.position else "in "
    return f"{where}{difference.metric} is {' and '.join(values)}{apart}"


def _describe_resume(resume: Resume, stored: SampleDifference | None) -> str:
    where = "resumed" if resume.step is None else f"resumed at step {resume.step:,}"
    if resume.joins is None:
        if stored is not None and (stored.step or 0) >= (resume.step or 0):
            return (
                f"{where}: no step was repeated, but the values {stored.position} and after it are"
                " not those of an execution without a resume"
            )
        last = "" if resume.last_step is None else f" (the last one was {resume.last_step:,})"
        return f"{where}: no step before it was logged again{last}, so nothing shows a difference"
    if resume.difference is not None:
        difference = _difference_text(resume.difference, "before", "after")
        return f"{where}: the curves do not join {difference}"
    return f"{where}: the curves join, {format_count(resume.repeated, 'repeated value')} are equal"


def _hints(result: "ScriptVerification") -> Iterator[str]:
    """What may explain a difference."""
    if result.first_difference is not None:
        for package, call in result.unseeded:
            yield f"the script uses random numbers of {package} and never calls {call}"
    if any(resume.joins is False for resume in result.resumes):
        yield (
            "a checkpoint needs the weights, the optimizer, the schedule, the step, the state of"
            " the random generators and the position in the data"
        )
    if result.code_change is not None:
        before, after = result.code_change
        yield f"since then: the code has changed (version {before} -> {after})"


def script_result_json(result: "ScriptVerification") -> Mapping[str, Any]:
    """The JSON object of a result, with stable keys (docs/formats.md)."""
    executions, stored = result.executions, result.stored
    return {
        "run": result.run.id,
        "holds": result.holds,
        "values": executions.values if executions is not None else 0,
        "largest": executions.largest if executions is not None else None,
        "first": _difference_json(result.first_difference),
        "stored": None
        if stored is None
        else {"values": stored.values, "first": _difference_json(stored.difference)},
        "resumes": [
            {
                "step": resume.step,
                "last_step": resume.last_step,
                "repeated": resume.repeated,
                "joins": resume.joins,
                "first": _difference_json(resume.difference),
            }
            for resume in result.resumes
        ],
        "unseeded": [package for package, _ in result.unseeded],
        "code": None if result.code_change is None else list(result.code_change),
        "problem": result.error,
    }


def _difference_json(difference: SampleDifference | None) -> Mapping[str, Any] | None:
    if difference is None:
        return None
    return {
        "what": difference.metric,
        "step": difference.step,
        "epoch": difference.epoch,
        "first": difference.first,
        "second": difference.second,
        "relative": difference.relative,
    }
