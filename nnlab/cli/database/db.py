"""`nnlab db`: maintains the results database."""

import fnmatch
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nnlab import store
from nnlab.cli.confirm import ask_confirmation
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, FormatOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.progress_bars import ProgressBars
from nnlab.cli.output.render import TableColumn, format_bytes, note, render, say
from nnlab.errors import StoreError, UnknownName, UsageError
from nnlab.io.text import format_count

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    no_args_is_help=True,
    help="Maintain the database: status, upgrade, backup, copy, check, gc, define.",
)

STATUS_COLUMNS = (
    TableColumn("key", "property"),
    TableColumn(
        "value", "value", lambda value: f"{value:,}" if isinstance(value, int) else str(value)
    ),
)


@app.command()
def status(
    *,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """Show the location, revision, size and contents of the database.

    [bold]Example[/bold]

        nnlab db status --format json
    """
    with open_db(db) as database:
        status = store.database_status(database)
    rows: list[dict[str, object]] = [
        {"key": "place", "value": status.display_name},
        {"key": "revision", "value": status.revision},
        {"key": "bytes", "value": status.file_bytes},
        *(
            []
            if status.log_bytes is None
            else [{"key": "bytes of the write-ahead log", "value": status.log_bytes}]
        ),
        {"key": "bytes of artifacts", "value": status.artifact_bytes},
        *(
            {"key": f"rows of {table}", "value": count}
            for table, count in status.row_counts.items()
        ),
    ]
    render(rows, STATUS_COLUMNS, format)


class MetricDirection(StrEnum):
    """Which values of a metric are better."""

    MIN = "min"
    MAX = "max"
    NONE = "none"


@app.command()
def define(
    metrics: Annotated[
        list[str],
        typer.Argument(
            metavar="METRIC... min|max|none",
            help="metrics by full name, or a pattern such as val/*; then their direction",
            show_default=False,
        ),
    ],
    *,
    db: DbOption = None,
) -> None:
    """Define whether lower (min) or higher (max) values of metrics are better.

    It applies to all rankings of this database. Metrics with the direction none are shown and not
    ranked. By default the direction follows from the name, if it is a usual one.

    [bold]Examples[/bold]

        nnlab db define val/gini max

        nnlab db define "val/fairness*" none
    """
    *patterns, word = metrics
    if word not in list(MetricDirection) or not patterns:
        raise UsageError(
            "a metric and its direction are needed: min, max or none",
            hint="nnlab db define val/gini max",
        )
    with open_db(db, write=True) as database:
        stored = store.metrics(database)
        for pattern in patterns:
            names = [pattern] if pattern in stored else fnmatch.filter(stored, pattern)
            if not names and any(letter in pattern for letter in "*?["):
                raise UnknownName("metric", pattern, stored)
            # A metric may be defined before the first run has it.
            for name in names or [pattern]:
                store.define_metric(database, name, MetricDirection(word).value)
                known = "" if name in stored else " (no run has it yet)"
                say(f"{name}: {_DIRECTION_TEXTS[MetricDirection(word)]}{known}")


_DIRECTION_TEXTS = {
    MetricDirection.MIN: "lower values are better",
    MetricDirection.MAX: "higher values are better",
    MetricDirection.NONE: "not ranked",
}


@app.command()
def upgrade(db: DbOption = None) -> None:
    """Upgrade an older database to the schema of this version, after a backup.

    Every command does so when it opens an older database; this command does nothing else.

    [bold]Example[/bold]

        nnlab db upgrade
    """
    with open_db(db, write=True) as database:
        status = store.database_status(database)
    say(f"{status.display_name} is at revision {status.revision}, the newest of this version")


@app.command()
def backup(
    destination: Annotated[Path, typer.Argument(metavar="FILE", help="new file")],
    *,
    db: DbOption = None,
) -> None:
    """Copy the database to a new file, consistently even while runs are being written.

    [bold]Example[/bold]

        nnlab db backup runs-2026-11-23.db
    """
    with open_db(db) as database:
        store.backup_database(database, destination)
    say(f"{destination}: {destination.stat().st_size:,} bytes")


@app.command()
def copy(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="URL or path", show_default=False)
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="URL or path; created if it does not exist", show_default=False
        ),
    ],
) -> None:
    """Copy a whole database into another: a file, or a schema on a PostgreSQL server.

    Rows keep their numbers and are compared with their source at the end. An interrupted copy
    continues where it stopped; a target with other results is not changed.

    [bold]Examples[/bold]

        nnlab db copy runs.db postgresql+psycopg://ann@lab.example/results
        nnlab db copy postgresql+psycopg://ann@lab.example/results copy.db
    """
    bars = ProgressBars("rows")
    with (
        open_db(source) as source_db,
        open_db(target, write=True, create=True) as target_db,
    ):
        try:
            copied = store.copy_database(
                source_db,
                target_db,
                lambda action, table, *progress: bars(f"{action} {table}", *progress),
            )
        finally:
            bars.stop()
        files = source_db.address.artifacts
        size, target_files = store.total_size([files]), target_db.address.artifacts
        target_name = target_db.address.display_name
        shared_folders = sorted({run.artifacts for run in store.runs(target_db) if run.artifacts})
    before = f", {copied.rows_before:,} of them copied before" if copied.rows_before else ""
    total = sum(copied.row_counts.values())
    say(f"{target_name}: {total:,} rows, compared with their source{before}")
    if size:
        note(
            f"the files of runs were not copied: {format_bytes(size)} in {files},"
            f" expected in {target_files}"
        )
    if shared_folders:
        note(
            "both databases refer to the same files of runs in"
            f" {format_count(len(shared_folders), 'other folder')}, such as {shared_folders[0]}:"
            " `nnlab db gc` in one of them deletes these files for both"
        )


@app.command()
def check(db: DbOption = None) -> None:
    """Check the database: file, references, summaries, artifacts; exit code 1 if a check fails.

    [bold]Example[/bold]

        nnlab db check
    """
    with open_db(db) as database:
        problems = store.find_problems(database)
        name = database.address.display_name
    for problem in problems:
        say(problem)
    if problems:
        raise StoreError(
            f"{name}: {format_count(len(problems), 'problem')} found",
            hint="nnlab db backup FILE copies all readable rows",
        )
    say(f"{name}: no problems found")


GARBAGE_COLUMNS = (
    TableColumn("what", "kind"),
    TableColumn("count", "count", lambda count: f"{count:,}", align_right=True),
    TableColumn("size", "files", format_bytes, align_right=True),
)


@app.command()
def gc(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only show what would be deleted")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    db: DbOption = None,
) -> None:
    """Delete permanently: runs removed by `nnlab rm`, files without a run, old backups.

    Lists every path before it asks for confirmation. Deletes only folders that nnlab created: those
    with its marker, or with nothing but its own files. Symbolic links are kept.

    Backups of upgrades are deleted after a week; backups that you created are kept.

    [bold]Example[/bold]

        nnlab db gc --dry-run
    """
    with open_db(db, write=not dry_run) as database:
        garbage = store.find_garbage(database)
        if garbage:
            render(_garbage_rows(garbage), GARBAGE_COLUMNS, Format.TABLE)
            for path in garbage.paths:
                say(f"to be deleted: {path}")
        for path, why in garbage.kept_folders:
            note(f"{path} is kept: {why}")
        if not garbage or dry_run:
            say("nothing to delete" if not garbage else "dry run: nothing was deleted", style="dim")
            return
        if not ask_confirmation("delete these permanently?", yes=yes):
            say("nothing was deleted")
            raise typer.Exit(1)
        freed = store.collect_garbage(database, garbage)
    say(f"{format_bytes(freed)} freed")


def _garbage_rows(garbage: store.Garbage) -> list[dict[str, object]]:
    return [
        {"what": what, "count": count, "size": store.total_size(paths)}
        for what, count, paths in (
            ("removed runs", len(garbage.run_ids), garbage.run_folders),
            (
                "folders of removed runs outside of the artifacts folder",
                len(garbage.external_folders),
                (),
            ),
            ("removed studies", len(garbage.study_ids), ()),
            (
                "folders of runs that are not in the database",
                len(garbage.orphan_folders),
                garbage.orphan_folders,
            ),
            ("checkpoints of finished runs", len(garbage.leftover_files), garbage.leftover_files),
            ("upgrade backups older than a week", len(garbage.backup_files), garbage.backup_files),
        )
        if count
    ]
