"""What `nnlab verify` does: retrains with a bar, prints a verdict for each run."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from nnlab.analysis.scope import names_runs
from nnlab.analysis.selection import select_runs
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import console, note, print_json, say
from nnlab.cli.train.train.downloads import fetch_with_progress
from nnlab.cli.train.train.progress import create_progress_bar, fit_bar_texts, metrics_line
from nnlab.engine import user_code
from nnlab.errors import UsageError
from nnlab.io.text import format_count
from nnlab.records import Epoch, Run

if TYPE_CHECKING:
    from nnlab.workers.verify import EnvironmentChange, OnEpoch, VerificationResult


# Why the code of a run that only its study names is not executed.
CODE_NOT_NAMED = "only a run that the command names, by number or name, may execute its code"


def verify(
    names: Sequence[str],
    *,
    epochs: int | None,
    tolerance: float | None,
    as_json: bool,
    db: str | None,
) -> bool:
    """Prints a verdict for each of the runs; says whether all are as stored.

    Raises:
        UsageError: none of them has an epoch.
    """
    with open_db(db) as database:
        chosen = select_runs(database, names).runs
        runs = [run for run in chosen if run.epochs]
        if not runs:
            raise UsageError(
                f"{' '.join(names)}: no epoch is stored of it",
                hint="nnlab ls shows how far runs are",
            )
        if len(runs) < len(chosen):
            note(f"{format_count(len(chosen) - len(runs), 'run')} without an epoch left out")
        for data in dict.fromkeys(str(run.trial.setting["data"]) for run in runs):
            fetch_with_progress(data)
        # torch takes its second or two here, after what was named is found to be there.
        from nnlab.workers import verify as launch

        verdicts = []
        allowed = (
            nullcontext()
            if names_runs(database, names)
            else user_code.forbid_execution(CODE_NOT_NAMED)
        )
        with allowed, _progress_bar(runs, epochs) as on_epoch:
            for verdict in launch.verify_runs(
                database, runs, on_epoch, epochs=epochs, tolerance=tolerance
            ):
                verdicts.append(verdict)
                if not as_json:
                    say(
                        f"run {verdict.run.id}  {describe_result(verdict)}",
                        style=_result_style(verdict),
                    )
    if as_json:
        print_json([_result_json(verdict) for verdict in verdicts])
    else:
        _print_summary(verdicts)
    return all(verdict.holds for verdict in verdicts)


@contextmanager
def _progress_bar(runs: Sequence[Run], epochs: int | None) -> "Iterator[OnEpoch]":
    """A bar over the epochs of these runs, on a terminal."""
    wanted = {run.id for run in runs}
    total = sum(min(run.epochs, epochs or run.epochs) for run in runs)
    screen = console()
    bar, task = create_progress_bar(screen, total)

    def on_epoch(run: Run, epoch: Epoch) -> None:
        if run.id in wanted:
            shown, metrics = fit_bar_texts(
                f"run {run.id}", metrics_line(epoch.values), screen.width
            )
            bar.update(task, advance=1, description=shown, metrics=metrics)

    with bar if sys.stdout.isatty() else nullcontext():
        yield on_epoch


def describe_result(verdict: "VerificationResult") -> str:
    """What came of a run, in words."""
    if verdict.problem is not None:
        return f"cannot be trained again: {verdict.problem}"
    if verdict.first is not None:
        first = verdict.first
        where = f" in epoch {first.epoch}" if first.epoch is not None else ""
        apart = f", {first.relative:.1e} apart" if first.relative is not None else ""
        now = (
            "is not measured any more" if first.now is None else f"is now {_value_text(first.now)}"
        )
        return f"differs{where}: {first.what} was {_value_text(first.stored)}, {now}{apart}"
    what = format_count(verdict.epochs, "epoch")
    if verdict.tolerance:
        alone = (
            ""
            if verdict.exact
            else " (alone, which is not how it was trained: sums are taken in another order)"
        )
        return f"losses agree within {verdict.largest:.1e} over {what}{alone}"
    weights = ", the weights" if verdict.weights else ""
    return f"the same to the last bit: {what}, {verdict.values:,} values{weights}"


def _value_text(value: float | str | None) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def _result_style(verdict: "VerificationResult") -> str:
    return "" if verdict.holds else "bold"


def _print_summary(verdicts: Sequence["VerificationResult"]) -> None:
    """Counts them, and says once what has changed since they were trained."""
    holds = sum(verdict.holds for verdict in verdicts)
    if len(verdicts) > 1:
        say(f"{holds} of {format_count(len(verdicts), 'run')} as stored")
    since: dict[EnvironmentChange, int] = {}
    for verdict in verdicts:
        for change in verdict.changes:
            since[change] = since.get(change, 0) + 1
    for change, count in since.items():
        of = "" if count == len(verdicts) else f"  ({format_count(count, 'run')})"
        say(f"since then: {change.what} {change.stored} → {change.now}{of}", style="dim")


def _result_json(verdict: "VerificationResult") -> Mapping[str, Any]:
    """One verdict, with stable keys (docs/formats.md)."""
    first = verdict.first
    return {
        "run": verdict.run.id,
        "holds": verdict.holds,
        "engine": verdict.engine,
        "tolerance": verdict.tolerance,
        "epochs": verdict.epochs,
        "values": verdict.values,
        "weights": verdict.weights,
        "largest": verdict.largest,
        "first": None
        if first is None
        else {
            "what": first.what,
            "epoch": first.epoch,
            "stored": first.stored,
            "now": first.now,
            "relative": first.relative,
        },
        "problem": verdict.problem,
        "changes": [
            {"what": change.what, "stored": change.stored, "now": change.now}
            for change in verdict.changes
        ],
    }
