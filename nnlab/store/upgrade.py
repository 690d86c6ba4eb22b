"""Upgrades an older schema in a file, after a backup; a failed upgrade changes nothing."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import Connection

from nnlab.errors import (
    DatabaseReadOnly,
    DiskFull,
    NewerSchema,
    OlderSchema,
    StoreError,
    UpgradeFailed,
)
from nnlab.io.command_line import quote_command
from nnlab.store.address import Address, FileAddress
from nnlab.store.create import open_for_migration
from nnlab.store.database import BUSY_SECONDS
from nnlab.store.file_copy import copy_to_file
from nnlab.store.schema import TABLES, Migrations
from nnlab.store.sqlite import FileAccess, FileDatabase


def upgrade_schema(
    address: FileAddress, migrations: Migrations, *, busy_seconds: float = BUSY_SECONDS
) -> None:
    """Upgrades an older schema to `migrations.head`, after a backup next to the file.

    Raises:
        UpgradeFailed: a migration failed, or its result did not pass the integrity checks; the
            database is unchanged, and the message names the backup.
        StoreError: the file or the backup cannot be written.
    """
    with open_for_migration(address, FileAccess.WRITE, busy_seconds) as database:
        try:
            with database.write() as connection:
                revision = database.revision(connection)
                if revision is None or revision == migrations.head:
                    return  # another process was faster
                # Under the lock, so that the backup has the state that the migration starts from.
                backup = _write_backup(database, revision)
                with _translate_migration_errors(address, revision, migrations, backup):
                    migrations.run(connection)
                    _check_integrity(connection)
        except DatabaseReadOnly as error:
            raise DatabaseReadOnly(
                f"{address.display_name} was written by an earlier nnlab and must be upgraded, but"
                " cannot be written",
                hint=error.hint,
            ) from error


def newer_schema_error(address: Address, revision: str, migrations: Migrations) -> NewerSchema:
    """The error for writing to a schema of a later version."""
    return NewerSchema(
        f"{address.display_name} has revision {revision} of the schema; this nnlab knows up to"
        f" {migrations.head}",
        hint="update nnlab, or name another database with --db; reading it works",
    )


def older_schema_error(address: Address, revision: str, migrations: Migrations) -> OlderSchema:
    """The error for reading a schema of an earlier version without upgrading it."""
    # The URL of a server may have a password.
    name = address.display_name if isinstance(address, FileAddress) else "URL"
    command = quote_command("nnlab", "db", "upgrade", "--db", name)
    return OlderSchema(
        f"{address.display_name} was written by an earlier nnlab: its schema has revision"
        f" {revision}, not {migrations.head}, and reading it must not change it",
        hint=f"{command} upgrades it, after a backup",
    )


def _write_backup(database: FileDatabase, revision: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    backup = database.address.sibling(f".backup-{revision}-{stamp}")
    copy_to_file(database, backup)
    return backup


@contextmanager
def _translate_migration_errors(
    address: FileAddress, revision: str, migrations: Migrations, backup: Path
) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        cause = getattr(error, "orig", None)
        if isinstance(cause, sqlite3.Error) and cause.sqlite_errorcode == sqlite3.SQLITE_FULL:
            with contextlib.suppress(OSError):
                backup.unlink()  # the disk is full because of it
            raise DiskFull(
                f"no room left to upgrade {address.display_name}; it is unchanged",
                hint=f"an upgrade needs about twice the size of {address.display_name}",
            ) from error
        raise UpgradeFailed(
            f"{address.display_name} could not be upgraded from revision {revision} to"
            f" {migrations.head}"
            f" and is unchanged: {error}",
            hint=f"a backup is in {backup}; the nnlab that wrote it still reads both",
        ) from error


def _check_integrity(connection: Connection) -> None:
    """Raises StoreError if the file is damaged, or a foreign key refers to a missing row."""
    # Handwritten: SQLAlchemy has no construct for PRAGMA.
    problems = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check(10)")]
    if problems != ["ok"]:
        raise StoreError("; ".join(map(str, problems)))
    for table in TABLES:
        broken = connection.exec_driver_sql(f"PRAGMA foreign_key_check('{table}')").fetchall()
        if broken:
            raise StoreError(f"{len(broken)} rows of {table} refer to missing rows")
