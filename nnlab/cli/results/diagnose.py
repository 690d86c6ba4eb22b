"""`nnlab diagnose`: what is wrong with runs, or with curves from elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab import store
from nnlab.analysis import csv_curves
from nnlab.analysis.ranking import last_runs, plural
from nnlab.analysis.scope import scope_of
from nnlab.cli.database_option import opened
from nnlab.cli.options import Db, Format, FormatOption, StudyOrRuns
from nnlab.cli.output.render import Column, print_json, render, say
from nnlab.cli.results.findings_table import as_json, print_findings
from nnlab.config.space import label, telling
from nnlab.diagnose import SeedsDisagree, diagnose, folded
from nnlab.diagnose.codes import matcher
from nnlab.errors import UsageError
from nnlab.records import Finding, Run

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

FAILED = 3
# So many runs are told in full, more in a table.
_IN_FULL = 3

_COLUMNS = (
    Column("code", "code"),
    Column("name", "finding", wrap=True),
    Column("severity", "severity", priority=2),
    Column("confidence", "sure", lambda value: f"{value:.0%}", right=True, priority=3),
    Column("onset", "from epoch", right=True, priority=2),
    Column("message", "what was found", wrap=True, priority=1),
    Column("others", "also", ", ".join, wrap=True, priority=4),
)
RUN_COLUMNS = (
    Column("run", "run", right=True),
    Column("trial", "trial", wrap=True),
    Column("seed", "seed", right=True, priority=1),
    *_COLUMNS,
)
FILE_COLUMNS = (Column("file", "file"), *_COLUMNS)


@app.command(name="diagnose")
def diagnose_command(
    what: StudyOrRuns = None,
    *,
    csv: Annotated[
        list[Path] | None,
        typer.Option(
            "--csv",
            metavar="FILE|FOLDER",
            help="curves from elsewhere: columns epoch, train_loss, val_loss, train_acc, val_acc;"
            " may be given several times",
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OURS=THEIRS,...", help="what the columns of --csv are called"
        ),
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on",
            metavar="CODE,...",
            help="exit with 3 if one of these is found: NN101, NN2xx, warning, error",
        ),
    ] = "",
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: Db = None,
) -> None:
    """Say what is wrong with runs: causes first, with evidence and what to try.

    [bold]Examples[/bold]

        nnlab diagnose

        nnlab diagnose 12 --fail-on NN101,NN2xx

        nnlab diagnose --csv history.csv --map val_loss=test_loss --format json
    """
    fails = matcher(fail_on)
    if csv:
        if what:
            raise UsageError("give runs or --csv, not both")
        names = csv_curves.mapping_of(mapping or ())
        found = _of_files(csv_curves.files_in(csv), names, format)
    elif mapping:
        raise UsageError("--map is for the columns of --csv")
    else:
        found = _of_runs(what, format, db)
    if any(map(fails, found)):
        raise typer.Exit(FAILED)


def _of_files(paths: Sequence[Path], names: Mapping[str, str], how: Format) -> list[Finding]:
    found = {path: diagnose(csv_curves.read_history(path, names)) for path in paths}
    if how is Format.TABLE and len(found) == 1:
        print_findings(*found.values())
    else:
        rows = [{"file": str(path), **_row(of)} for path, of in found.items()]
        _print(rows, list(found.values()), FILE_COLUMNS, how)
    return [finding for of in found.values() for finding in of]


def _of_runs(what: Sequence[str] | None, how: Format, db: str | None) -> list[Finding]:
    found: dict[int, Sequence[Finding]] = {}
    trials: list[tuple[Run, Finding]] = []
    with opened(db) as database:
        runs = last_runs(database, scope_of(database, what))
        # A trial at a time: the curves of a whole database may not fit into memory.
        for group in _by_trial(runs):
            histories = store.histories(database, [run.id for run in group])
            for run in group:
                found[run.id] = diagnose(histories[run.id], run.trial.setting)
            seeds = [(histories[run.id], found[run.id]) for run in group]
            objective = str(group[0].trial.setting.get("objective", "val/loss:min"))
            if (finding := SeedsDisagree().check_seeds(seeds, objective)) is not None:
                trials.append((group[0], finding))
    fields = telling([run.trial.setting for run in runs])
    if how is Format.TABLE and len(runs) <= _IN_FULL:
        for run in runs:
            say(f"run {run.id}  {_described(run, fields)}", style="bold")
            print_findings(found[run.id])
    else:
        rows = [
            {
                "run": run.id,
                "trial": label(run.trial.setting, fields),
                "seed": run.seed,
                **_row(found[run.id]),
            }
            for run in runs
        ]
        _print(rows, [found[run.id] for run in runs], RUN_COLUMNS, how)
        if how is Format.TABLE:
            healthy = sum(not of for of in found.values())
            say(f"{plural(len(runs), 'run')}, {healthy} without findings", style="dim")
    if how is Format.TABLE:
        for run, finding in trials:
            say(f"trial {label(run.trial.setting, fields)}", style="bold")
            print_findings([finding])
    return [finding for of in found.values() for finding in of] + [f for _, f in trials]


def _by_trial(runs: Sequence[Run]) -> list[list[Run]]:
    groups: dict[int, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.trial.id, []).append(run)
    return list(groups.values())


def _described(run: Run, fields: Sequence[str]) -> str:
    return f"{label(run.trial.setting, fields)} seed={run.seed}".strip()


def _row(findings: Sequence[Finding]) -> dict[str, Any]:
    """The first finding, and the codes of the others."""
    first = folded(findings)[0].finding if findings else None
    return {
        "code": first.code if first else None,
        "name": first.name if first else None,
        "severity": str(first.severity) if first else None,
        "confidence": first.confidence if first else None,
        "onset": first.onset if first else None,
        "message": first.message if first else None,
        "others": [finding.code for finding in findings if finding is not first],
    }


def _print(
    rows: Sequence[Mapping[str, Any]],
    found: Sequence[Sequence[Finding]],
    columns: Sequence[Column],
    how: Format,
) -> None:
    if how is Format.JSON:
        print_json(
            [
                {**row, "findings": [as_json(one) for one in of]}
                for row, of in zip(rows, found, strict=True)
            ]
        )
    else:
        render(rows, columns, how)
