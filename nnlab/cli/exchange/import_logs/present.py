"""The output of `nnlab import`: a progress bar, the imported runs, and what was left out."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nnlab import store
from nnlab.cli.open_database import open_db
from nnlab.cli.output.formats import Format
from nnlab.cli.output.progress_bars import ProgressBars
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.errors import NoDatabase
from nnlab.exchange.importing.known_sources import KnownSources, location_of
from nnlab.exchange.importing.options import ImportReport
from nnlab.exchange.importing.session import FoundRun
from nnlab.io.text import format_count

# More runs are counted in one line; JSON has all of them.
_MAX_LISTED_RUNS = 30
_MAX_LISTED_NUMBERS = 5

_COLUMNS = (
    TableColumn("run", "run", align_right=True),
    TableColumn("name", "name", wrap=True),
    TableColumn("kind", "kind", priority=2),
    TableColumn("study", "study", priority=1),
    TableColumn("seed", "seed", align_right=True, priority=3),
    TableColumn("values", "values", "{:,}".format, align_right=True),
    TableColumn("outcome", "import"),
    TableColumn("error", "error", wrap=True),
)
_FOUND_COLUMNS = (
    TableColumn("name", "name", wrap=True),
    TableColumn("kind", "kind"),
    TableColumn("run", "run", align_right=True),
    TableColumn("outcome", "import"),
    TableColumn("location", "log", wrap=True, priority=1),
    TableColumn("id", "id", hidden=True),
)


class ImportView:
    """The reports of the runs of an import, and bars of runs and values on a terminal."""

    def __init__(self, runs: int) -> None:
        self.reports: list[ImportReport] = []
        self._runs, self._values = runs, 0
        self._bars = ProgressBars("rows") if sys.stderr.isatty() else None

    def on_run(self, report: ImportReport) -> None:
        """A run is done."""
        self.reports.append(report)
        if self._bars is not None and self._values:
            self._bars("runs", len(self.reports), self._runs)

    def on_values(self, count: int) -> None:
        """More values were stored."""
        self._values += count
        if self._bars is not None:
            self._bars("values", self._values, None)

    def close(self) -> None:
        """Ends the bars."""
        if self._bars is not None:
            self._bars.stop()


def run_rows(database: store.Database, reports: Sequence[ImportReport]) -> list[dict[str, Any]]:
    """A row for each report: its run, and what was done with it."""
    ids = [report.run_id for report in reports if report.run_id is not None]
    runs = {run.id: run for run in store.runs(database, run_ids=ids)} if ids else {}
    rows = []
    for report in reports:
        run = runs.get(report.run_id or 0)
        rows.append(
            {
                "run": report.run_id,
                "name": (run and run.name) or report.logged.name,
                "kind": report.logged.kind,
                "id": report.logged.external_id,
                "location": location_of(report.logged),
                "study": run.trial.study if run else None,
                "seed": run.seed if run else None,
                "status": str(run.status) if run else None,
                "axis": run.axis if run else None,
                "outcome": report.outcome,
                "values": report.values,
                "metric_names": dict(report.metric_names),
                "notes": [
                    {"code": n.code, "message": n.message, "count": n.count} for n in report.notes
                ],
                "error": report.error,
            }
        )
    return rows


def print_reports(
    rows: Sequence[Mapping[str, Any]], reports: Sequence[ImportReport], output_format: Format
) -> None:
    """Prints the imported runs, and below a table what was left out."""
    if output_format is Format.JSON:
        print_json(rows)
        return
    if output_format is not Format.TABLE:
        render(rows, _COLUMNS, output_format)
        return
    failed = [row for row in rows if row["outcome"] == "failed"]
    listed = rows if len(rows) <= _MAX_LISTED_RUNS else failed[:_MAX_LISTED_RUNS]
    if listed:
        render(listed, _columns_with_content(listed), output_format)
    say(_summary(reports))
    for line in audit_lines(rows):
        say(line)


def print_logged_runs(
    logged_runs: Sequence[FoundRun], db: str | None, output_format: Format
) -> None:
    """Prints the runs that an import would store, without changing anything."""
    stored_sources: dict[str, KnownSources] = {}
    removed: set[int] = set()
    try:
        with open_db(db) as database:
            for kind in {item.logged.kind for item in logged_runs}:
                stored_sources[kind] = KnownSources(store.sources_of_kind(database, kind))
            removed = store.removed_run_ids(database)
    except NoDatabase:
        pass
    rows = []
    for item in logged_runs:
        logged = item.logged
        source = stored_sources[logged.kind].find(logged) if logged.kind in stored_sources else None
        is_removed = source is not None and source.run_id in removed
        rows.append(
            {
                "name": logged.name,
                "kind": logged.kind,
                "run": source.run_id if source else None,
                "outcome": "removed" if is_removed else "known" if source else "new",
                "location": location_of(logged),
                "id": logged.external_id,
            }
        )
    render(rows, _FOUND_COLUMNS, output_format)
    if output_format is Format.TABLE:
        say(f"{format_count(len(rows), 'run')} found; nothing was imported")


def audit_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the imports could not take over: a line for each kind of log and reason."""
    groups: dict[tuple[str, str, str], tuple[int, list[str]]] = {}
    for row in rows:
        for item in row["notes"]:
            key = row["kind"], item["code"], item["message"]
            count, names = groups.get(key, (0, []))
            names.append(str(row["run"] or row["name"]))
            groups[key] = count + item["count"], names
    lines = []
    for (kind, code, message), (count, names) in groups.items():
        times = f" ({count:,} times)" if count > 1 else ""
        lines.append(f"{kind}, {code}: {message}{times}: {_run_numbers(names)}")
    removed = [str(row["run"]) for row in rows if row["outcome"] == "removed"]
    if removed:
        lines.append(
            f"left out, because removed by nnlab rm: {_run_numbers(removed)}; nnlab rm --undo"
            " restores what was removed last"
        )
    return lines


def _run_numbers(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _MAX_LISTED_NUMBERS else ""
    word = "run" if len(names) == 1 else "runs"
    return f"{word} {', '.join(names[:_MAX_LISTED_NUMBERS])}{more}"


def _columns_with_content(rows: Sequence[Mapping[str, Any]]) -> list[TableColumn]:
    return [c for c in _COLUMNS if c.key != "error" or any(row["error"] for row in rows)]


def _summary(reports: Sequence[ImportReport]) -> str:
    counts = Counter(report.outcome for report in reports)
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
    values = sum(report.values for report in reports)
    return f"{format_count(len(reports), 'run')}: {outcomes}; {format_count(values, 'value')}"
