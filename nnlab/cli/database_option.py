"""Where the results are: opens the database that `--db` or NNLAB_DB names, or runs.db."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from nnlab import store
from nnlab.cli.output.render import note
from nnlab.engine.data import location
from nnlab.store.address import parse

DEFAULT = "runs.db"


def address_of(db: str | None) -> store.Address:
    """Where the database is, whether or not it is there.

    Raises:
        UsageError: what was typed names none.
    """
    return parse(_target(db))


def look_beside(db: str | None) -> None:
    """Has data files with a relative path looked up beside the database too.

    Raises:
        UsageError: what was typed names none.
    """
    address = address_of(db)
    if isinstance(address, store.FileAddress):
        location.look_in(address.path.parent)


def _target(db: str | None) -> str:
    return db or os.environ.get("NNLAB_DB") or DEFAULT


@contextmanager
def opened(
    db: str | None, *, write: bool = False, create: bool = False
) -> Iterator[store.Database]:
    """The database, closed in the end.

    Raises:
        StoreError: it cannot be opened so.
    """
    look_beside(db)
    database = store.open_database(_target(db), write=write, create=create)
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
        for (table, number), problem in sorted(database.unreadable.items(), key=str)
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        note(
            f"left out, because {database.address.shown} holds values there that nnlab never"
            f" writes: {', '.join(problems[:3])}{more}; `nnlab db check` lists all"
        )
