"""`nnlab diagnose`: what is wrong with runs, or with curves from elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab import store
from nnlab.analysis import csv_curves
from nnlab.analysis.scope import current_runs, resolve_scope
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, Format, FormatOption, StudyOrRunsArgument
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.cli.results.findings_table import finding_json, print_findings
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.diagnose import SeedsDisagree, diagnose, group_symptoms
from nnlab.diagnose.codes import finding_filter
from nnlab.errors import UsageError
from nnlab.io.text import format_count
from nnlab.records import Finding, Run

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

EXIT_CODE_FINDING = 3
# So many runs are told in full, more in a table.
_MAX_FULL_RUNS = 3

_COLUMNS = (
    TableColumn("code", "code"),
    TableColumn("name", "finding", wrap=True),
    TableColumn("severity", "severity", priority=2),
    TableColumn("confidence", "sure", lambda value: f"{value:.0%}", right=True, priority=3),
    TableColumn("onset", "from epoch", right=True, priority=2),
    TableColumn("message", "what was found", wrap=True, priority=1),
    TableColumn("others", "also", ", ".join, wrap=True, priority=4),
)
RUN_COLUMNS = (
    TableColumn("run", "run", right=True),
    TableColumn("trial", "trial", wrap=True),
    TableColumn("seed", "seed", right=True, priority=1),
    *_COLUMNS,
)
FILE_COLUMNS = (TableColumn("file", "file"), *_COLUMNS)


@app.command(name="diagnose")
def diagnose_command(
    what: StudyOrRunsArgument = None,
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
    db: DbOption = None,
) -> None:
    """Say what is wrong with runs: causes first, with evidence and what to try.

    [bold]Examples[/bold]

        nnlab diagnose

        nnlab diagnose 12 --fail-on NN101,NN2xx

        nnlab diagnose --csv history.csv --map val_loss=test_loss --format json
    """
    fails = finding_filter(fail_on)
    if csv:
        if what:
            raise UsageError("give runs or --csv, not both")
        names = csv_curves.parse_column_map(mapping or ())
        found = _diagnose_files(csv_curves.csv_files_in(csv), names, format)
    elif mapping:
        raise UsageError("--map is for the columns of --csv")
    else:
        found = _diagnose_runs(what, format, db)
    if any(map(fails, found)):
        raise typer.Exit(EXIT_CODE_FINDING)


def _diagnose_files(paths: Sequence[Path], names: Mapping[str, str], how: Format) -> list[Finding]:
    found = {path: diagnose(csv_curves.read_csv_history(path, names)) for path in paths}
    if how is Format.TABLE and len(found) == 1:
        print_findings(*found.values())
    else:
        rows = [{"file": str(path), **_finding_cells(of)} for path, of in found.items()]
        _print_rows(rows, list(found.values()), FILE_COLUMNS, how)
    return [finding for of in found.values() for finding in of]


def _diagnose_runs(what: Sequence[str] | None, how: Format, db: str | None) -> list[Finding]:
    found: dict[int, Sequence[Finding]] = {}
    trials: list[tuple[Run, Finding]] = []
    with open_db(db) as database:
        runs = current_runs(database, resolve_scope(database, what))
        # A trial at a time: the curves of a whole database may not fit into memory.
        for group in _group_by_trial(runs):
            histories = store.histories(database, [run.id for run in group])
            for run in group:
                found[run.id] = diagnose(histories[run.id], run.trial.setting)
            seeds = [(histories[run.id], found[run.id]) for run in group]
            objective = str(group[0].trial.setting.get("objective", "val/loss:min"))
            if (finding := SeedsDisagree().check_seeds(seeds, objective)) is not None:
                trials.append((group[0], finding))
    fields = distinguishing_fields([run.trial.setting for run in runs])
    if how is Format.TABLE and len(runs) <= _MAX_FULL_RUNS:
        for run in runs:
            say(f"run {run.id}  {_describe_run(run, fields)}", style="bold")
            print_findings(found[run.id])
    else:
        rows = [
            {
                "run": run.id,
                "trial": setting_label(run.trial.setting, fields),
                "seed": run.seed,
                **_finding_cells(found[run.id]),
            }
            for run in runs
        ]
        _print_rows(rows, [found[run.id] for run in runs], RUN_COLUMNS, how)
        if how is Format.TABLE:
            healthy = sum(not of for of in found.values())
            say(f"{format_count(len(runs), 'run')}, {healthy} without findings", style="dim")
    if how is Format.TABLE:
        for run, finding in trials:
            say(f"trial {setting_label(run.trial.setting, fields)}", style="bold")
            print_findings([finding])
    return [finding for of in found.values() for finding in of] + [f for _, f in trials]


def _group_by_trial(runs: Sequence[Run]) -> list[list[Run]]:
    groups: dict[int, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.trial.id, []).append(run)
    return list(groups.values())


def _describe_run(run: Run, fields: Sequence[str]) -> str:
    return f"{setting_label(run.trial.setting, fields)} seed={run.seed}".strip()


def _finding_cells(findings: Sequence[Finding]) -> dict[str, Any]:
    """The first finding, and the codes of the others."""
    first = group_symptoms(findings)[0].finding if findings else None
    return {
        "code": first.code if first else None,
        "name": first.name if first else None,
        "severity": str(first.severity) if first else None,
        "confidence": first.confidence if first else None,
        "onset": first.onset if first else None,
        "message": first.message if first else None,
        "others": [finding.code for finding in findings if finding is not first],
    }


def _print_rows(
    rows: Sequence[Mapping[str, Any]],
    found: Sequence[Sequence[Finding]],
    columns: Sequence[TableColumn],
    how: Format,
) -> None:
    if how is Format.JSON:
        print_json(
            [
                {**row, "findings": [finding_json(one) for one in of]}
                for row, of in zip(rows, found, strict=True)
            ]
        )
    else:
        render(rows, columns, how)
