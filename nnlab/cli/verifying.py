"""What `nnlab verify` does: retrains with a bar, prints a verdict for each run."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from nnlab.cli.downloads import fetched
from nnlab.cli.live import bar_texts, metrics_line, progress_bar
from nnlab.cli.named import named
from nnlab.cli.place import opened
from nnlab.cli.render import console, note, print_json, say
from nnlab.errors import UsageError
from nnlab.records import Epoch, Run
from nnlab.report.ranking import plural

if TYPE_CHECKING:
    from nnlab.launch.verify import Change, OnEpoch, Verdict


# Why the code of a run that only its study names is not executed.


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
    with opened(db) as database:
        chosen = named(database, names).runs
        runs = [run for run in chosen if run.epochs]
        if not runs:
            raise UsageError(
                f"{' '.join(names)}: no epoch is stored of it",
                hint="nnlab ls shows how far runs are",
            )
        if len(runs) < len(chosen):
            note(f"{plural(len(chosen) - len(runs), 'run')} without an epoch left out")
        for data in dict.fromkeys(str(run.trial.setting["data"]) for run in runs):
            fetched(data)
        # torch takes its second or two here, after what was named is found to be there.
        from nnlab.launch import verify as launch

        verdicts = []
        with _bar(runs, epochs) as on_epoch:
            for verdict in launch.verify(
                database, runs, on_epoch, epochs=epochs, tolerance=tolerance
            ):
                verdicts.append(verdict)
                if not as_json:
                    say(f"run {verdict.run.id}  {sentence(verdict)}", style=_style(verdict))
    if as_json:
        print_json([_as_json(verdict) for verdict in verdicts])
    else:
        _print_end(verdicts)
    return all(verdict.holds for verdict in verdicts)


@contextmanager
def _bar(runs: Sequence[Run], epochs: int | None) -> "Iterator[OnEpoch]":
    """A bar over the epochs of these runs, on a terminal."""
    wanted = {run.id for run in runs}
    total = sum(min(run.epochs, epochs or run.epochs) for run in runs)
    screen = console()
    bar, task = progress_bar(screen, total)

    def on_epoch(run: Run, epoch: Epoch) -> None:
        if run.id in wanted:
            shown, metrics = bar_texts(f"run {run.id}", metrics_line(epoch.values), screen.width)
            bar.update(task, advance=1, description=shown, metrics=metrics)

    with bar if sys.stdout.isatty() else nullcontext():
        yield on_epoch


def sentence(verdict: "Verdict") -> str:
    """What came of a run, in words."""
    if verdict.problem is not None:
        return f"cannot be trained again: {verdict.problem}"
    if verdict.first is not None:
        first = verdict.first
        where = f" in epoch {first.epoch}" if first.epoch is not None else ""
        apart = f", {first.relative:.1e} apart" if first.relative is not None else ""
        now = "is not measured any more" if first.now is None else f"is now {_text(first.now)}"
        return f"differs{where}: {first.what} was {_text(first.stored)}, {now}{apart}"
    what = plural(verdict.epochs, "epoch")
    if verdict.tolerance:
        alone = (
            ""
            if verdict.exact
            else " (alone, which is not how it was trained: sums are taken in another order)"
        )
        return f"losses agree within {verdict.largest:.1e} over {what}{alone}"
    weights = ", the weights" if verdict.weights else ""
    return f"the same to the last bit: {what}, {verdict.values:,} values{weights}"


def _text(value: float | str | None) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def _style(verdict: "Verdict") -> str:
    return "" if verdict.holds else "bold"


def _print_end(verdicts: Sequence["Verdict"]) -> None:
    """Counts them, and says once what has changed since they were trained."""
    holds = sum(verdict.holds for verdict in verdicts)
    if len(verdicts) > 1:
        say(f"{holds} of {plural(len(verdicts), 'run')} as stored")
    since: dict[Change, int] = {}
    for verdict in verdicts:
        for change in verdict.changes:
            since[change] = since.get(change, 0) + 1
    for change, count in since.items():
        of = "" if count == len(verdicts) else f"  ({plural(count, 'run')})"
        say(f"since then: {change.what} {change.stored} → {change.now}{of}", style="dim")


def _as_json(verdict: "Verdict") -> Mapping[str, Any]:
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
