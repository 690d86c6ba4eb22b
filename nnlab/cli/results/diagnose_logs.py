"""`nnlab diagnose PATH`: problems of the runs in logs of other tools, read without an import."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.cli.open_database import open_db
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, note, say
from nnlab.cli.results.finding_rows import finding_cells, finding_columns, print_finding_rows
from nnlab.cli.results.findings import print_findings
from nnlab.diagnosis.external_curves import diagnose_external, external_curves
from nnlab.errors import DataError, NnlabError, StoreError
from nnlab.exchange.detection import reader_kinds
from nnlab.exchange.importing.logged_history import LoggedHistory, read_history
from nnlab.exchange.importing.session import find_all_runs
from nnlab.exchange.log_reader import LoggedRun
from nnlab.metric_names import usual_name
from nnlab.records import Finding

# More runs are listed in a table.
_MAX_DETAILED_RUNS = 3


def log_paths(names: Sequence[str] | None, db: str | None) -> list[Path]:
    """The files and folders among the names of a command; none if they name runs or studies.

    A name that is both, such as that of a study and of the folder it was imported from, is a study.
    """
    paths = [Path(name) for name in names or () if not name.isdigit() and Path(name).exists()]
    if not paths or len(paths) < len(names or ()):
        return []
    if any(os.sep in name or Path(name).suffix for name in names or ()):
        return paths
    try:
        with open_db(db) as database:
            stored_names = {study.name for study in store.all_studies(database)}
            stored_names.update(store.run_names(database))
    except StoreError:
        return paths
    return [] if stored_names.issuperset(names or ()) else paths


def diagnose_logs(
    paths: Sequence[Path], mapping: Mapping[str, str], output_format: Format
) -> list[Finding]:
    """Prints the findings of the runs in logs, and returns them.

    Args:
        paths: files and folders.
        mapping: the names in the logs by nnlab's names, as `--map` gives them.
        output_format: the format of the output.

    Raises:
        DataError: there is no logged run, or none can be read.
    """
    metric_names = {logged: usual_name(name) for name, logged in mapping.items()}
    logged_runs = [item.logged for item in find_all_runs(paths)]
    if not logged_runs:
        raise DataError(
            f"no logged run in {', '.join(map(str, paths))}",
            hint=f"these kinds of logs are read: {', '.join(reader_kinds())}; --csv FILE reads"
            " other tables",
        )
    histories: dict[LoggedRun, LoggedHistory] = {}
    for logged in logged_runs:
        try:
            histories[logged] = read_history(logged, metric_names)
        except NnlabError as error:
            if len(logged_runs) == 1:
                raise
            note(f"{logged.paths[0]}: {error.message}")
    if not histories:
        raise DataError("no log could be read")
    findings = {
        logged: diagnose_external(logged_history.history, logged_history.axis)
        for logged, logged_history in histories.items()
    }
    if output_format is Format.TABLE and len(histories) <= _MAX_DETAILED_RUNS:
        for logged, logged_history in histories.items():
            _print_details(logged, logged_history, findings[logged])
    else:
        rows = [
            _row(logged, logged_history, findings[logged])
            for logged, logged_history in histories.items()
        ]
        columns = (
            TableColumn("log", "log", wrap=True),
            TableColumn("kind", "kind", priority=2),
            *finding_columns({item.axis for item in histories.values()}),
        )
        print_finding_rows(rows, list(findings.values()), columns, output_format)
    return [finding for group in findings.values() for finding in group]


def _print_details(
    logged: LoggedRun, logged_history: LoggedHistory, findings: Sequence[Finding]
) -> None:
    say(f"{logged.name}  ({logged.kind}, {logged.paths[0]})", style="bold")
    metrics = logged_history.history.metrics
    say(f"metrics: {', '.join(metrics) or 'none'}", style="dim")
    print_findings(
        findings, axis=logged_history.axis, notes=external_curves(logged_history.history).notes
    )


def _row(
    logged: LoggedRun, logged_history: LoggedHistory, findings: Sequence[Finding]
) -> dict[str, Any]:
    curves = logged_history.history.curves
    return {
        "log": str(logged.paths[0]),
        "kind": logged.kind,
        "run_name": logged.name,
        **finding_cells(findings),
        "axis": logged_history.axis,
        "metrics": {
            name: {"logged": logged_history.metric_names.get(name), "points": len(curve)}
            for name, curve in sorted(curves.items())
        },
        "notes": [
            *external_curves(logged_history.history).notes,
            *(f"{item.code}: {item.message}" for item in logged_history.notes),
        ],
    }
