"""Opens the results database that a request names; used by the other modules here and by the CLI.

Without a name it is that of the environment variable NNLAB_DB, or `runs.db` in the working
directory. Nothing is printed: what the user should know is returned as notes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from nnlab import store
from nnlab.engine.data import location
from nnlab.store.address import parse_address

DEFAULT_DATABASE = "runs.db"

_MAX_LISTED_ROWS = 3


def database_target(db: str | None) -> str:
    """The path or URL of the database: the given one, that of NNLAB_DB, or the default."""
    return db or os.environ.get("NNLAB_DB") or DEFAULT_DATABASE


def database_address(db: str | None) -> store.Address:
    """The address of the database, whether or not it exists.

    Raises:
        UsageError: the path or URL is malformed.
    """
    return parse_address(database_target(db))


def search_data_near_database(db: str | None) -> None:
    """Adds the folder of the database to those in which relative data paths are looked up.

    Raises:
        UsageError: the path or URL is malformed.
    """
    address = database_address(db)
    if isinstance(address, store.FileAddress):
        location.add_search_folder(address.path.parent)


@contextmanager
def open_results(
    db: str | None, *, write: bool = False, create: bool = False, upgrade: bool = True
) -> Iterator[store.Database]:
    """Opens the database and closes it at the end.

    Args:
        db: path or URL; None for the default.
        write: open for writing.
        create: create the database if it does not exist.
        upgrade: upgrade an older schema; otherwise it is an error.

    Raises:
        StoreError: it cannot be opened like this.
    """
    search_data_near_database(db)
    database = store.open_database(database_target(db), write=write, create=create, upgrade=upgrade)
    try:
        yield database
    finally:
        database.close()


def opening_notes(database: store.Database) -> tuple[str, ...]:
    """What the user should know about an opened database: a newer schema, a network file system."""
    notes = []
    if database.newer:
        notes.append(
            f"{database.address.display_name} was written by a newer nnlab: opened for reading"
            " only,"
            " and what is new in it is not shown"
        )
    if database.shared:
        notes.append(
            f"{database.address.display_name} is on a network file system ({database.shared}):"
            " written"
            " with SQLite's rollback journal, which is safe there and slower (docs/database.md)"
        )
    return tuple(notes)


def unreadable_rows_note(database: store.Database) -> str | None:
    """Names the rows that were skipped because their values are invalid; None without any."""
    problems = [
        f"{table} {number} ({problem})"
        for (table, number), problem in sorted(database.unreadable_rows.items(), key=str)
    ]
    if not problems:
        return None
    rest = len(problems) - _MAX_LISTED_ROWS
    more = f" and {rest} more" if rest > 0 else ""
    return (
        f"left out, because {database.address.display_name} holds values there that nnlab never"
        f" writes: {', '.join(problems[:_MAX_LISTED_ROWS])}{more}; `nnlab db check` lists all"
    )
