"""Where the results are: opens the database that `--db` or NNLAB_DB names, or runs.db."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from nnlab import store
from nnlab.cli.output.render import note
from nnlab.engine.data import location
from nnlab.store.address import parse_address

DEFAULT_DATABASE = "runs.db"


def database_address(db: str | None) -> store.Address:
    """Where the database is, whether or not it is there.

    Raises:
        UsageError: what was typed names none.
    """
    return parse_address(_database_target(db))


def search_data_near_database(db: str | None) -> None:
    """Has data files with a relative path looked up beside the database too.

    Raises:
        UsageError: what was typed names none.
    """
    address = database_address(db)
    if isinstance(address, store.FileAddress):
        location.add_search_folder(address.path.parent)


def _database_target(db: str | None) -> str:
    return db or os.environ.get("NNLAB_DB") or DEFAULT_DATABASE


@contextmanager
def open_db(
    db: str | None, *, write: bool = False, create: bool = False
) -> Iterator[store.Database]:
    """The database, closed in the end.

    Raises:
        StoreError: it cannot be opened so.
    """
    search_data_near_database(db)
    database = store.open_database(_database_target(db), write=write, create=create)
    try:
        if database.newer:
            note(
                f"{database.address.shown} was written by a newer nnlab: opened for reading only,"
                " and what is new in it is not shown"
            )
        if database.shared:
            note(
                f"{database.address.shown} is on a network file system ({database.shared}): written"
                " with SQLite's rollback journal, which is safe there and slower (docs/database.md)"
            )
        yield database
    finally:
        database.close()
        _note_unreadable(database)


def _note_unreadable(database: store.Database) -> None:
    """Says which rows were left out of what was shown."""
    problems = [
        f"{table} {number} ({problem})"
        for (table, number), problem in sorted(database.unreadable_rows.items(), key=str)
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        note(
            f"left out, because {database.address.shown} holds values there that nnlab never"
            f" writes: {', '.join(problems[:3])}{more}; `nnlab db check` lists all"
        )
