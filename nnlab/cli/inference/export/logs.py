"""Executes `nnlab export --to`: runs as the log of another tool."""

from pathlib import Path

from nnlab import store
from nnlab.analysis.scope import current_runs, resolve_scope
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import print_json, say
from nnlab.errors import UnknownName, UsageError
from nnlab.exchange.exported_runs import exported_runs
from nnlab.exchange.write_log import write_log
from nnlab.exchange.writers import WRITERS
from nnlab.io.text import format_count
from nnlab.records import Run


def run_log_export(
    name: str, kind: str, output: Path, *, force: bool, as_json: bool, db: str | None
) -> None:
    """Writes a run, or the current runs of a study, and prints which files were written.

    Args:
        name: a run or a study.
        kind: the format, a name in `WRITERS`.
        output: a file or folder, whichever the format needs.
        force: replace existing files.
        as_json: print JSON.
        db: path or URL of the database; None for the default.

    Raises:
        UnknownName: there is no such format, study or run.
        UsageError: the study has no runs.
        OutputError: a file exists, or cannot be written.
    """
    writer = WRITERS.get(kind)
    if writer is None:
        raise UnknownName("format", kind, WRITERS)
    with open_db(db) as database:
        runs = _runs_of(database, name)
        files = write_log(writer, exported_runs(database, runs), output, force=force)
    if as_json:
        print_json(
            {
                "to": kind,
                "runs": [run.id for run in runs],
                "files": [str(file) for file in files],
            }
        )
        return
    count = "" if len(files) == 1 else f", {format_count(len(files), 'file')}"
    say(f"{output}: {format_count(len(runs), 'run')}{count}")


def _runs_of(database: store.Database, name: str) -> tuple[Run, ...]:
    scope = resolve_scope(database, [name])
    if scope.runs is not None:
        return store.runs(database, run_ids=scope.runs)
    runs = current_runs(database, scope)
    if not runs:
        raise UsageError(f"study '{name}' has no runs to export")
    return runs
