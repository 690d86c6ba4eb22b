"""Translates errors of the SQLite driver to nnlab's errors, by their error codes."""

import os
import shutil
import sqlite3

from nnlab.errors import (
    DatabaseLocked,
    DatabaseMoved,
    DatabaseReadOnly,
    DiskFull,
    NewerSchema,
    NnlabError,
    NoDatabase,
    NotADatabase,
    OutputError,
    StoreError,
)
from nnlab.store.address import FileAddress

# SQLite needs a few pages to grow its files; with less free space an I/O error is a full disk.
_MIN_FREE_BYTES = 1 << 16

_PRIMARY_CODE_MASK = 0xFF

# SQLite's messages about values that nnlab never writes.
_INVALID_VALUE_MESSAGES = ("malformed JSON", "integer overflow", "Could not decode to UTF-8")


def translate_sqlite_error(
    error: sqlite3.Error, address: FileAddress, *, newer: bool = False, create: bool = False
) -> NnlabError | None:
    """The error to raise instead; None for an error of nnlab itself, which is not translated.

    Args:
        error: the driver's error.
        address: the database that it was raised for.
        create: whether the file was to be created.
        newer: whether the schema is of a later revision, so that a table or column may be missing.
    """
    # Errors of the Python binding itself carry no code.
    code: int = getattr(error, "sqlite_errorcode", 0) or 0
    match code & _PRIMARY_CODE_MASK:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return DatabaseLocked(
                f"{address.display_name} is locked: another process has been writing to"
                " it for too long",
                hint="try again; if it stays so, look for a stopped process that has it open",
            )
        case sqlite3.SQLITE_READONLY:
            return _translate_read_only(code, address)
        case sqlite3.SQLITE_FULL:
            return disk_full_error(address)
        case sqlite3.SQLITE_IOERR:
            return _translate_io_error(error, address)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return not_a_database_error(
                address, damaged=code & _PRIMARY_CODE_MASK == sqlite3.SQLITE_CORRUPT
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return cannot_open_error(address, create=create)
        case _ if any(words in str(error) for words in _INVALID_VALUE_MESSAGES):
            return StoreError(
                f"a value in {address.display_name} cannot be read: {error}",
                hint="nnlab db check names the row",
            )
        case sqlite3.SQLITE_ERROR if newer:
            return NewerSchema(
                f"{address.display_name} was written by a later nnlab, and this part of it cannot"
                " be"
                f" read: {error}",
                hint="update nnlab",
            )
        case _:
            return None


def not_a_database_error(address: FileAddress, *, damaged: bool) -> NotADatabase:
    """The error for a file that is damaged or of another kind."""
    what = "is damaged" if damaged else "is not an nnlab database, or is damaged"
    return NotADatabase(
        f"{address.display_name} {what}",
        hint=f"name another file with --db, or put back a backup ({address.path.name}.backup-*)",
    )


def disk_full_error(address: FileAddress) -> DiskFull:
    """The error for a full disk; the transaction was rolled back."""
    return DiskFull(
        f"no room left on the disk of {address.display_name}; everything stored before is kept",
        hint="free some space, then repeat the command: it continues where it stopped",
    )


def read_only_error(address: FileAddress) -> DatabaseReadOnly:
    """The error for a read-only file or folder."""
    return DatabaseReadOnly(
        f"{address.display_name} cannot be written: the file, its folder or the disk is read-only",
        hint="change its permissions, or copy it and name the copy with --db",
    )


def cannot_open_error(address: FileAddress, *, create: bool = False) -> NnlabError:
    """The error for a file that could not be opened, by what is at its path."""
    path = address.path
    if path.is_dir():
        return NotADatabase(
            f"{address.display_name} is a folder, not a database", hint="--db names a file"
        )
    if not path.parent.is_dir():
        message = f"there is no folder {path.parent} for the database {address.display_name}"
        hint = f"mkdir -p {path.parent}"
        return OutputError(message, hint=hint) if create else NoDatabase(message, hint=hint)
    if not path.exists() and not create:
        return no_database_error(address)
    if os.access(path, os.R_OK):
        return read_only_error(address)
    return OutputError(
        f"{address.display_name} cannot be opened: its folder {path.parent} may not be"
        " entered or written",
        hint="change the permissions, or name another file with --db",
    )


def no_database_error(address: FileAddress) -> NoDatabase:
    """The error for a missing database."""
    return NoDatabase(
        f"there is no database {address.display_name}",
        hint="nnlab train creates it; --db or NNLAB_DB names another one",
    )


def _translate_read_only(code: int, address: FileAddress) -> NnlabError:
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return database_moved_error(address)
    return read_only_error(address)


def database_moved_error(address: FileAddress) -> DatabaseMoved:
    """The error for a path that no longer names the file that was opened."""
    return DatabaseMoved(
        f"{address.display_name} was moved or deleted while it was in use, or another file"
        " took its place",
        hint="put it back, then repeat the command",
    )


def _translate_io_error(error: sqlite3.Error, address: FileAddress) -> NnlabError:
    try:
        free = shutil.disk_usage(address.path.parent).free
    except OSError:
        free = _MIN_FREE_BYTES
    if free < _MIN_FREE_BYTES:
        return disk_full_error(address)
    return StoreError(
        f"the disk of {address.display_name} failed: {error}",
        hint="check the disk, its quota and, for a network folder, the connection",
    )
