"""`nnlab diagnose`: problems of stored runs, of logs, or of curves in CSV files."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from nnlab.analysis import csv_curves
from nnlab.analysis.arm_labels import load_arms
from nnlab.analysis.diagnosis import diagnose_runs
from nnlab.analysis.run_overview import run_labels
from nnlab.analysis.scope import current_runs, resolve_scope
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, FormatOption, StudyOrRunsArgument
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, note, say
from nnlab.cli.results.diagnose_logs import diagnose_logs, log_paths
from nnlab.cli.results.finding_rows import finding_cells, finding_columns, print_finding_rows
from nnlab.cli.results.findings import print_findings
from nnlab.diagnosis.codes import finding_filter
from nnlab.diagnosis.external_curves import diagnose_external, external_curves
from nnlab.errors import DataError, UsageError
from nnlab.io.text import format_count, format_seed
from nnlab.records import Finding, History, Run

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

EXIT_CODE_FINDING = 3
# More runs are listed in a table.
_MAX_DETAILED_RUNS = 3


def run_columns(axes: Collection[str]) -> tuple[TableColumn, ...]:
    """The columns of a table of runs whose positions are these: epochs, steps or both."""
    return (
        TableColumn("run", "run", align_right=True),
        TableColumn("trial", "trial", wrap=True),
        TableColumn("seed", "seed", align_right=True, priority=1),
        *finding_columns(axes),
    )


FILE_COLUMNS = (TableColumn("file", "file"), *finding_columns(["epoch"]))


@app.command(name="diagnose")
def diagnose_command(
    names: StudyOrRunsArgument = None,
    *,
    csv: Annotated[
        list[Path] | None,
        typer.Option(
            "--csv",
            metavar="FILE|FOLDER",
            help="curves of other programs: columns epoch, train_loss, val_loss, train_acc,"
            " val_acc; repeat for more files",
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NNLAB=COLUMN,...", help="names of the columns of --csv"),
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on",
            metavar="CODE,...",
            help="exit with code 3 on one of these findings: NN101, NN2xx, warning, error",
        ),
    ] = "",
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """Diagnose runs: findings with evidence and remedies, causes before symptoms.

    A path is a log of another tool, such as a folder of TensorBoard; it is read without an import.

    [bold]Examples[/bold]

        nnlab diagnose

        nnlab diagnose 12 --fail-on NN101,NN2xx

        nnlab diagnose runs/ wandb/

        nnlab diagnose --csv history.csv --map val_loss=test_loss --format json
    """
    is_failure = finding_filter(fail_on)
    if csv:
        if names:
            raise UsageError("give runs or --csv, not both")
        column_names = csv_curves.parse_column_map(mapping or ())
        findings = _diagnose_files(_read_histories(csv, column_names), format)
    elif paths := log_paths(names, db):
        findings = diagnose_logs(paths, csv_curves.parse_column_map(mapping or ()), format)
    elif mapping:
        raise UsageError("--map needs --csv, or the path of a log")
    else:
        findings = _diagnose_runs(names, format, db)
    if any(map(is_failure, findings)):
        raise typer.Exit(EXIT_CODE_FINDING)


def _read_histories(paths: Sequence[Path], names: Mapping[str, str]) -> dict[Path, History]:
    """The curves of CSV files; files of a folder that have none are left out and named.

    Raises:
        DataError: a file that was named has no curves, or no file of the folders has any.
    """
    histories = {}
    error: DataError | None = None
    for path in csv_curves.csv_files_in(paths):
        try:
            histories[path] = csv_curves.read_csv_history(path, names)
        except DataError as unreadable:
            if path in paths:
                raise
            error = unreadable
            note(f"left out: {unreadable}")
    if error is not None and not histories:
        raise error
    return histories


def _diagnose_files(histories: Mapping[Path, History], output_format: Format) -> list[Finding]:
    """Prints the findings of curves in CSV files, and returns them."""
    by_file = {path: diagnose_external(history) for path, history in histories.items()}
    notes = {path: external_curves(history).notes for path, history in histories.items()}
    if output_format is Format.TABLE and len(by_file) == 1:
        print_findings(*by_file.values(), notes=next(iter(notes.values())))
    else:
        rows = [
            {"file": str(path), **finding_cells(findings), "notes": list(notes[path])}
            for path, findings in by_file.items()
        ]
        print_finding_rows(rows, list(by_file.values()), FILE_COLUMNS, output_format)
    return [finding for findings in by_file.values() for finding in findings]


def _diagnose_runs(
    names: Sequence[str] | None, output_format: Format, db: str | None
) -> list[Finding]:
    """Prints the findings of stored runs and their trials, and returns them."""
    with open_db(db) as database:
        runs = current_runs(database, resolve_scope(database, names))
        diagnoses = diagnose_runs(database, runs)
        arms = load_arms(database)
    labels = run_labels(runs, arms)
    if output_format is Format.TABLE and len(runs) <= _MAX_DETAILED_RUNS:
        for run in runs:
            say(f"run {run.id}  {_describe_run(run, labels[run.id])}", style="bold")
            print_findings(
                diagnoses.by_run[run.id], axis=run.axis, notes=diagnoses.notes.get(run.id, ())
            )
    else:
        rows = [
            {
                "run": run.id,
                "trial": labels[run.id],
                "seed": run.seed,
                **finding_cells(diagnoses.by_run[run.id]),
                "axis": run.axis,
                "notes": list(diagnoses.notes.get(run.id, ())),
            }
            for run in runs
        ]
        columns = run_columns({run.axis for run in runs})
        print_finding_rows(rows, [diagnoses.by_run[run.id] for run in runs], columns, output_format)
        if output_format is Format.TABLE:
            healthy = sum(not findings for findings in diagnoses.by_run.values())
            say(f"{format_count(len(runs), 'run')}, {healthy} without findings", style="dim")
    if output_format is Format.TABLE:
        for trial in diagnoses.trials:
            say(f"trial {labels[trial.run.id]}", style="bold")
            print_findings([trial.finding], axis=trial.run.axis)
    return diagnoses.all_findings


def _describe_run(run: Run, label: str) -> str:
    return f"{label} seed={format_seed(run.seed)}".strip()
