"""Makes the schema, and brings an older one to this version's: backed up, checked, or as before."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import Connection

from nnlab.errors import DatabaseReadOnly, DiskFull, NewerSchema, StoreError, UpgradeFailed
from nnlab.store.address import Address, FileAddress
from nnlab.store.database import BUSY_SECONDS
from nnlab.store.file_copy import copy_to_file
from nnlab.store.schema import TABLES, Migrations
from nnlab.store.sqlite import FileAccess, FileDatabase


def create_schema(
    address: FileAddress, migrations: Migrations, *, busy_seconds: float = BUSY_SECONDS
) -> None:
    """Makes nnlab's tables in a new file, or beside what a file holds, in one transaction.

    Any number of processes may do so at once: one makes them, the others find them made.

    Raises:
        StoreError: the file cannot be made or written.
    """
    with _open_for_migration(address, FileAccess.CREATE, busy_seconds) as database:
        database.set_journal_mode()
        with database.write() as connection:
            if database.revision(connection) is None:
                migrations.run(connection)


def upgrade_schema(
    address: FileAddress, migrations: Migrations, *, busy_seconds: float = BUSY_SECONDS
) -> None:
    """Brings an older schema to `migrations.head`, after a backup beside the file.

    Raises:
        UpgradeFailed: a migration failed, or what it made did not pass the checks; the database
            is as it was, and the message names the backup.
        StoreError: the file or the backup cannot be written.
    """
    with _open_for_migration(address, FileAccess.WRITE, busy_seconds) as database:
        try:
            with database.write() as connection:
                found = database.revision(connection)
                if found is None or found == migrations.head:
                    return  # another process was faster
                # Under the lock: what the backup holds is what the migration starts from.
                backup = _write_backup(database, found)
                with _translate_migration_errors(address, found, migrations, backup):
                    migrations.run(connection)
                    _check_integrity(connection)
        except DatabaseReadOnly as error:
            raise DatabaseReadOnly(
                f"{address.shown} was written by an earlier nnlab and must be upgraded, but"
                " cannot be written",
                hint=error.hint,
            ) from error


def newer_schema_error(address: Address, revision: str, migrations: Migrations) -> NewerSchema:
    """A later nnlab made this schema, and this one must not write to it."""
    return NewerSchema(
        f"{address.shown} has revision {revision} of the schema; this nnlab knows up to"
        f" {migrations.head}",
        hint="update nnlab, or name another database with --db; reading it works",
    )


@contextmanager
def _open_for_migration(
    address: FileAddress, access: FileAccess, busy_seconds: float
) -> Iterator[FileDatabase]:
    # A migration may remake a table that others refer to: references are checked at its end.
    database = FileDatabase(address, access, busy_seconds=busy_seconds, foreign_keys=False)
    try:
        yield database
    finally:
        database.close()


def _write_backup(database: FileDatabase, revision: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    backup = database.address.beside(f".backup-{revision}-{stamp}")
    copy_to_file(database, backup)
    return backup


@contextmanager
def _translate_migration_errors(
    address: FileAddress, found: str, migrations: Migrations, backup: Path
) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        cause = getattr(error, "orig", None)
        if isinstance(cause, sqlite3.Error) and cause.sqlite_errorcode == sqlite3.SQLITE_FULL:
            with contextlib.suppress(OSError):
                backup.unlink()  # the room it takes is what is missing
            raise DiskFull(
                f"no room left to upgrade {address.shown}; it is as it was",
                hint=f"an upgrade needs about twice the size of {address.shown}",
            ) from error
        raise UpgradeFailed(
            f"{address.shown} could not be upgraded from revision {found} to {migrations.head}"
            f" and is as it was: {error}",
            hint=f"a backup is in {backup}; the nnlab that wrote it still reads both",
        ) from error


def _check_integrity(connection: Connection) -> None:
    """Raises StoreError where the file or a reference in our tables is broken."""
    problems = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check(10)")]
    if problems != ["ok"]:
        raise StoreError("; ".join(map(str, problems)))
    for table in TABLES:
        broken = connection.exec_driver_sql(f"PRAGMA foreign_key_check('{table}')").fetchall()
        if broken:
            raise StoreError(f"{len(broken)} rows of {table} refer to rows that are not there")
