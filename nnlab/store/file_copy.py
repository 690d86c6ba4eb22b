"""Copies a database to a new file, which appears only when the copy is complete."""

import contextlib
import os
import sqlite3
from pathlib import Path

from nnlab.errors import DiskFull, NnlabError, OutputError, StoreError
from nnlab.store.address import FileAddress
from nnlab.store.create import create_schema
from nnlab.store.database import Database
from nnlab.store.schema import SHIPPED_MIGRATIONS
from nnlab.store.sqlite import FileAccess, FileDatabase
from nnlab.store.transfer import copy_database


def copy_to_file(database: Database, destination: Path) -> None:
    """Copies the last committed state, while others may write, to a new file.

    Raises:
        OutputError: the destination exists or cannot be written.
        DiskFull: the disk is full.
        StoreError: the database cannot be read.
    """
    if os.path.lexists(destination):
        raise OutputError(f"{destination} exists already", hint="name a new file")
    if not destination.parent.is_dir():
        raise OutputError(
            f"cannot write {destination}: there is no folder {destination.parent}",
            hint=f"mkdir -p {destination.parent}",
        )
    part = destination.with_name(f".{destination.name}.{os.getpid()}.part")
    try:
        if isinstance(database, FileDatabase):
            with database.driver_connection() as source:
                _backup_sqlite_file(source, part, destination)
        else:
            _copy_rows(database, part, destination)
        _move_into_place(part, destination)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _backup_sqlite_file(source: sqlite3.Connection, part: Path, destination: Path) -> None:
    try:
        target = sqlite3.connect(part)
    except sqlite3.Error as error:
        raise OutputError(f"cannot write {destination}: {error}") from error
    try:
        source.backup(target)
        # Without a write-ahead log the copy is a single file; opening it turns the log on again.
        target.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        translated = _translate_copy_error(error, destination)
        if translated is None:
            raise
        raise translated from error
    finally:
        target.close()


def _copy_rows(database: Database, part: Path, destination: Path) -> None:
    address = FileAddress(str(part), str(part), part.with_suffix(".artifacts"), part)
    try:
        create_schema(address, SHIPPED_MIGRATIONS)
    except (StoreError, OutputError, OSError) as error:
        raise OutputError(f"cannot write {destination}: {error}") from error
    target = FileDatabase(address, FileAccess.WRITE)
    try:
        copy_database(database, target, lambda *_: None)
        with target.driver_connection() as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        target.close()


def _translate_copy_error(error: sqlite3.Error, destination: Path) -> NnlabError | None:
    # Errors while reading are those of the source database, which translates them.
    match (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return DiskFull(f"no room left to write {destination}", hint="free some space")
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY:
            return OutputError(f"cannot write {destination}: its folder is read-only")
        case _:
            return None


def _move_into_place(part: Path, destination: Path) -> None:
    try:
        # Unlike a rename, a link never replaces a file that was created meanwhile.
        os.link(part, destination)
    except FileExistsError:
        raise OutputError(f"{destination} exists already", hint="name a new file") from None
    except OSError:
        # Some file systems do not support links.
        try:
            part.replace(destination)
        except OSError as error:
            raise OutputError(f"cannot write {destination}: {error.strerror}") from error
