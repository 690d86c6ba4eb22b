"""Creates nnlab's tables in a file."""

from collections.abc import Iterator
from contextlib import contextmanager

from nnlab.store.address import FileAddress
from nnlab.store.database import BUSY_SECONDS
from nnlab.store.schema import Migrations
from nnlab.store.sqlite import FileAccess, FileDatabase


def create_schema(
    address: FileAddress, migrations: Migrations, *, busy_seconds: float = BUSY_SECONDS
) -> None:
    """Creates nnlab's tables in a new or existing file, in one transaction.

    Several processes may do so at once: one creates the tables, the others find them.

    Raises:
        StoreError: the file cannot be created or written.
    """
    with open_for_migration(address, FileAccess.CREATE, busy_seconds) as database:
        database.set_journal_mode()
        with database.write() as connection:
            if database.revision(connection) is None:
                migrations.run(connection)


@contextmanager
def open_for_migration(
    address: FileAddress, access: FileAccess, busy_seconds: float
) -> Iterator[FileDatabase]:
    """A database without foreign key checks: a migration may recreate a referenced table."""
    database = FileDatabase(address, access, busy_seconds=busy_seconds, foreign_keys=False)
    try:
        yield database
    finally:
        database.close()
