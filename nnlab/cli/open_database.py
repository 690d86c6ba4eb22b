"""Opens the database of `--db` for a command, and prints notes about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from nnlab import store
from nnlab.cli.output.render import note
from nnlab.study.database import open_results, opening_notes, unreadable_rows_note


@contextmanager
def open_db(
    db: str | None, *, write: bool = False, create: bool = False
) -> Iterator[store.Database]:
    """Opens the database, closes it at the end, and prints which rows were unreadable.

    Raises:
        StoreError: it cannot be opened like this.
    """
    database: store.Database | None = None
    try:
        with open_results(db, write=write, create=create) as database:
            for text in opening_notes(database):
                note(text)
            yield database
    finally:
        unreadable = unreadable_rows_note(database) if database is not None else None
        if unreadable is not None:
            note(unreadable)
