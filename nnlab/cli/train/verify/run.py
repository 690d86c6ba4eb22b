"""Executes `nnlab verify`: executes runs with a progress bar and prints a result for each."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnlab import store
from nnlab.analysis.selection import select_runs
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import console, note, print_json, say
from nnlab.cli.train.train.downloads import fetch_data_of_runs
from nnlab.cli.train.train.progress import create_progress_bar, fit_bar_texts
from nnlab.cli.train.verify.script import script_result_json, verify_script_runs
from nnlab.errors import UsageError
from nnlab.io.text import format_count
from nnlab.records import Epoch, Run
from nnlab.settings import parse_duration
from nnlab.study.progress_lines import metrics_line

if TYPE_CHECKING:
    from nnlab.workers.short_execution import VerificationLimits
    from nnlab.workers.verify import EnvironmentChange, OnEpoch, VerificationResult


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """The options of `nnlab verify`.

    Attributes:
        epochs: the number of epochs to train of each run; None for all.
        steps: the number of logged steps of a script; None for as many as are useful.
        time_limit: the longest duration of each execution of a script, as typed.
        tolerance: the allowed relative difference of losses; None for identical bits.
    """

    epochs: int | None = None
    steps: int | None = None
    time_limit: str = "2min"
    tolerance: float | None = None

    def script_limits(self) -> "VerificationLimits":
        """How much of a script is executed.

        Raises:
            UsageError: the time limit is no duration.
        """
        from nnlab.workers.short_execution import VerificationLimits

        seconds = parse_duration(self.time_limit)
        if seconds is None or seconds <= 0:
            raise UsageError(f"--time-limit {self.time_limit}: not a duration such as 90s or 5min")
        return VerificationLimits(self.steps, seconds, self.tolerance or 0.0)


def run_verify(
    names: Sequence[str], options: VerifyOptions, *, as_json: bool, db: str | None
) -> bool:
    """Prints a result for each of the runs; returns whether all are as stored.

    Args:
        names: runs by number or name, and studies.
        options: how much is executed and compared.
        as_json: whether results are printed as JSON.
        db: path or URL of the database; None for the default.

    Raises:
        UsageError: none of the runs has an epoch.
    """
    with open_db(db) as database:
        runs = _runs_to_verify(database, names)
        trained_here = [run for run in runs if not run.origin.is_external]
        external = [run for run in runs if run.origin.is_external]
        results = _retrain(database, trained_here, options, as_json=as_json)
        script_results = verify_script_runs(
            database, external, options.script_limits(), quiet=as_json
        )
    if as_json:
        print_json([*map(_result_json, results), *map(script_result_json, script_results)])
    else:
        _print_summary(results)
    return all(result.holds for result in results) and all(
        result.holds for result in script_results
    )


def _retrain(
    database: store.Database, runs: Sequence[Run], options: VerifyOptions, *, as_json: bool
) -> list["VerificationResult"]:
    """The results of runs that nnlab trains itself; prints them unless `as_json`."""
    if not runs:
        return []
    fetch_data_of_runs(runs)
    # Imported only here: torch takes a second or two, which wrong names do not wait for.
    from nnlab.workers.verify import verify_runs

    epochs, results = options.epochs, []
    with _progress_bar(runs, epochs) as on_epoch:
        for result in verify_runs(
            database, runs, on_epoch, epochs=epochs, tolerance=options.tolerance
        ):
            results.append(result)
            if not as_json:
                text = f"run {result.run.id}  {describe_result(result)}"
                say(text, style=_result_style(result))
    return results


def _runs_to_verify(database: store.Database, names: Sequence[str]) -> list[Run]:
    """The named runs that have an epoch, and those of other programs; notes how many have none.

    Raises:
        UsageError: there is no such run.
    """
    selected = select_runs(database, names).runs
    runs = [run for run in selected if run.epochs or run.origin.is_external]
    if not runs:
        raise UsageError(
            f"{' '.join(names)}: no epoch is stored of it",
            hint="nnlab ls shows the epochs of each run",
        )
    if len(runs) < len(selected):
        note(f"{format_count(len(selected) - len(runs), 'run')} without an epoch left out")
    return runs


@contextmanager
def _progress_bar(runs: Sequence[Run], epochs: int | None) -> "Iterator[OnEpoch]":
    """Shows a bar over the epochs of runs on a terminal; the value is called for each epoch."""
    run_ids = {run.id for run in runs}
    total = sum(min(run.epochs, epochs or run.epochs) for run in runs)
    screen = console()
    bar, task = create_progress_bar(screen, total)

    def on_epoch(run: Run, epoch: Epoch) -> None:
        if run.id in run_ids:
            title, metrics = fit_bar_texts(
                f"run {run.id}", metrics_line(epoch.values), screen.width
            )
            bar.update(task, advance=1, description=title, metrics=metrics)

    with bar if sys.stdout.isatty() else nullcontext():
        yield on_epoch


def describe_result(result: "VerificationResult") -> str:
    """The result of a run in a sentence."""
    if result.error is not None:
        return f"cannot be trained again: {result.error}"
    if result.first_difference is not None:
        first = result.first_difference
        where = f" in epoch {first.epoch}" if first.epoch is not None else ""
        relative = f", {first.relative:.1e} apart" if first.relative is not None else ""
        now = (
            "is not measured any more"
            if first.retrained is None
            else f"is now {_value_text(first.retrained)}"
        )
        return f"differs{where}: {first.quantity} was {_value_text(first.stored)}, {now}{relative}"
    what = format_count(result.epochs, "epoch")
    if result.tolerance:
        engine_note = (
            ""
            if result.is_exact
            else " (trained alone and not in its batch: sums are computed in another order)"
        )
        return f"losses agree within {result.max_relative_difference:.1e} over {what}{engine_note}"
    weights = ", the weights" if result.weights else ""
    return f"the same to the last bit: {what}, {result.values:,} values{weights}"


def _value_text(value: float | str | None) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def _result_style(result: "VerificationResult") -> str:
    return "" if result.holds else "bold"


def _print_summary(results: Sequence["VerificationResult"]) -> None:
    """Prints how many runs are as stored, and each change of the environment once."""
    num_holding = sum(result.holds for result in results)
    if len(results) > 1:
        say(f"{num_holding} of {format_count(len(results), 'run')} as stored")
    runs_by_change: dict[EnvironmentChange, int] = {}
    for result in results:
        for change in result.changes:
            runs_by_change[change] = runs_by_change.get(change, 0) + 1
    for change, count in runs_by_change.items():
        which = "" if count == len(results) else f"  ({format_count(count, 'run')})"
        say(f"since then: {change.name} {change.stored} → {change.current}{which}", style="dim")


def _result_json(result: "VerificationResult") -> Mapping[str, Any]:
    """The JSON object of a result, with stable keys (docs/formats.md)."""
    first = result.first_difference
    return {
        "run": result.run.id,
        "holds": result.holds,
        "engine": result.engine,
        "tolerance": result.tolerance,
        "epochs": result.epochs,
        "values": result.values,
        "weights": result.weights,
        "largest": result.max_relative_difference,
        "first": None
        if first is None
        else {
            "what": first.quantity,
            "epoch": first.epoch,
            "stored": first.stored,
            "now": first.retrained,
            "relative": first.relative,
        },
        "problem": result.error,
        "changes": [
            {"what": change.name, "stored": change.stored, "now": change.current}
            for change in result.changes
        ],
    }
