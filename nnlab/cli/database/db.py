"""`nnlab db`: look after the results database."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab import store
from nnlab.cli.confirm import ask_confirmation
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, Format, FormatOption
from nnlab.cli.output.progress_bars import ProgressBars
from nnlab.cli.output.render import TableColumn, format_bytes, note, render, say
from nnlab.errors import StoreError
from nnlab.io.text import format_count

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    no_args_is_help=True,
    help="Look after the database: status, upgrade, backup, copy, check, gc.",
)

STATUS_COLUMNS = (
    TableColumn("key", "what"),
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
    """Say where the database is, its revision, its size and what it holds.

    [bold]Example[/bold]

        nnlab db status --format json
    """
    with open_db(db) as database:
        found = store.database_status(database)
    rows: list[dict[str, object]] = [
        {"key": "place", "value": found.place},
        {"key": "revision", "value": found.revision},
        {"key": "bytes", "value": found.size},
        *(
            []
            if found.log_size is None
            else [{"key": "bytes of the write-ahead log", "value": found.log_size}]
        ),
        {"key": "bytes of artifacts", "value": found.artifacts_size},
        *({"key": f"rows of {table}", "value": count} for table, count in found.rows.items()),
    ]
    render(rows, STATUS_COLUMNS, format)


@app.command()
def upgrade(db: DbOption = None) -> None:
    """Bring an older database to this version's schema; a backup is made first.

    Every command does so when it opens one; this one does nothing else.

    [bold]Example[/bold]

        nnlab db upgrade
    """
    with open_db(db, write=True) as database:
        found = store.database_status(database)
    say(f"{found.place} is at revision {found.revision}, the newest this version knows")


@app.command()
def backup(
    destination: Annotated[Path, typer.Argument(metavar="FILE", help="where to copy it")],
    *,
    db: DbOption = None,
) -> None:
    """Copy the database to a new file, whole and consistent even while runs are written.

    [bold]Example[/bold]

        nnlab db backup runs-2026-11-23.db
    """
    with open_db(db) as database:
        store.backup_database(database, destination)
    say(f"{destination}: {destination.stat().st_size:,} bytes")


DatabaseArgument = Annotated[str, typer.Argument(metavar="URL|PATH", show_default=False)]


@app.command()
def copy(source: DatabaseArgument, target: DatabaseArgument) -> None:
    """Copy a whole database into another: a file, or a schema on a PostgreSQL server.

    Every row arrives with its number and is compared in the end. A copy that was broken off goes
    on where it stopped; a target that holds other results is left as it is.

    [bold]Examples[/bold]

        nnlab db copy runs.db postgresql+psycopg://ann@lab.example/results
        nnlab db copy postgresql+psycopg://ann@lab.example/results copy.db
    """
    bars = ProgressBars("rows")
    with open_db(source) as mine, open_db(target, write=True, create=True) as theirs:
        try:
            copied = store.copy_database(
                mine, theirs, lambda what, table, *far: bars(f"{what} {table}", *far)
            )
        finally:
            bars.stop()
        files = mine.address.artifacts
        size, place = store.total_size([files]), theirs.address.artifacts
        shown = theirs.address.shown
        elsewhere = sorted({run.artifacts for run in store.runs(theirs) if run.artifacts})
    before = f", {copied.before:,} of them were there" if copied.before else ""
    say(f"{shown}: {sum(copied.rows.values()):,} rows, each compared with its source{before}")
    if size:
        note(
            f"the files of runs were not copied: {format_bytes(size)} in {files}, wanted in {place}"
        )
    if elsewhere:
        note(
            f"both refer to the same files of runs in {format_count(len(elsewhere), 'other place')}, such"
            f" as {elsewhere[0]}: `nnlab db gc` in one deletes them for both"
        )


@app.command()
def check(db: DbOption = None) -> None:
    """Check the database: file, references, summaries, artifacts; exit code 1 on a problem.

    [bold]Example[/bold]

        nnlab db check
    """
    with open_db(db) as database:
        problems = store.find_problems(database)
        place = database.address.shown
    for problem in problems:
        say(problem)
    if problems:
        raise StoreError(
            f"{place}: {len(problems)} problem{'s' if len(problems) > 1 else ''} found",
            hint="nnlab db backup FILE copies what can be read",
        )
    say(f"{place}: no problems found")


GARBAGE_COLUMNS = (
    TableColumn("what", "what"),
    TableColumn("count", "count", lambda count: f"{count:,}", right=True),
    TableColumn("size", "files", format_bytes, right=True),
)


@app.command()
def gc(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show what would be deleted, delete nothing")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    db: DbOption = None,
) -> None:
    """Delete for good: what `nnlab rm` removed, files nobody needs, old backups.

    Lists every path before it asks. Only folders that nnlab made are deleted: those with its
    marker, or with nothing in them but its own files; symbolic links are kept.

    Backups that an upgrade made are old after a week; those you made stay.

    [bold]Example[/bold]

        nnlab db gc --dry-run
    """
    with open_db(db, write=not dry_run) as database:
        found = store.find_garbage(database)
        if found:
            render(_garbage_rows(found), GARBAGE_COLUMNS, Format.TABLE)
            for path in found.paths:
                say(f"to be deleted: {path}")
        for path, why in found.kept:
            note(f"{path} is kept: {why}")
        if not found or dry_run:
            say("nothing to delete" if not found else "dry run: nothing was deleted", style="dim")
            return
        if not ask_confirmation("delete these for good?", yes=yes):
            say("nothing was deleted")
            raise typer.Exit(1)
        freed = store.collect_garbage(database, found)
    say(f"{format_bytes(freed)} freed")


def _garbage_rows(found: store.Garbage) -> list[dict[str, object]]:
    return [
        {"what": what, "count": count, "size": store.total_size(paths)}
        for what, count, paths in (
            ("removed runs", len(found.runs), found.folders),
            ("folders of removed runs in other places", len(found.elsewhere), ()),
            ("removed studies", len(found.studies), ()),
            ("folders of runs that are not in the database", len(found.orphans), found.orphans),
            ("checkpoints of runs that are over", len(found.leftovers), found.leftovers),
            ("upgrade backups older than a week", len(found.backups), found.backups),
        )
        if count
    ]
