"""Translates errors of psycopg and the server to nnlab's errors, by their error codes."""

import psycopg

from nnlab.errors import (
    ConnectionLost,
    DatabaseLocked,
    DatabaseReadOnly,
    DiskFull,
    NewerSchema,
    NnlabError,
    NoDatabase,
    StoreError,
)
from nnlab.store.address import ServerAddress

# PostgreSQL manual, appendix A: classes and codes of errors.
_CONNECTION_LOST_CODES = ("08", "57P01", "57P02", "57P03", "57P05")
_LOCKED_CODES = ("55P03", "40P01", "40001")
_DISK_FULL_CODES = ("53100", "53200")
_TOO_MANY_CONNECTIONS_CODE = "53300"
_NOT_PERMITTED_CODES = ("42501", "25006")
_UNDEFINED_NAME_CODES = ("42P01", "42703")

# A refused connection has no code, only a message; messages in other languages are not recognized.
_REFUSAL_MESSAGES = (
    ("password authentication failed", "password"),
    ("no password supplied", "password"),
    ("no pg_hba.conf entry", "password"),
    ("role ", "password"),
    ("database ", "database"),
    ("too many clients", "many"),
    ("remaining connection slots", "many"),
)


def translate_postgres_error(
    error: psycopg.Error, address: ServerAddress, *, newer: bool = False
) -> NnlabError | None:
    """The error to raise instead; None for an error of nnlab itself, which is not translated.

    Args:
        error: the driver's error.
        address: the database that it was raised for.
        newer: whether the schema is of a later revision, so that a table or column may be missing.
    """
    code = error.sqlstate or ""
    if not code and isinstance(error, psycopg.OperationalError):
        return _translate_without_code(error, address)
    if code.startswith(_CONNECTION_LOST_CODES):
        return connection_lost_error(address, error)
    if code in _LOCKED_CODES:
        return DatabaseLocked(
            f"{address.display_name} is locked: another process has been writing to"
            " it for too long",
            hint="try again; the server's pg_locks says who holds it",
        )
    if code in _DISK_FULL_CODES:
        return DiskFull(
            f"no room left on the server of {address.display_name}; everything stored"
            " before is kept",
            hint="free some space, then repeat the command: it continues where it stopped",
        )
    if code == _TOO_MANY_CONNECTIONS_CODE:
        return _too_many_connections_error(address)
    if code in _NOT_PERMITTED_CODES:
        return DatabaseReadOnly(
            f"{address.display_name} may not be written by this user: {_message_line(error)}",
            hint="GRANT CREATE ON DATABASE lets a user create nnlab's schema",
        )
    if newer and code in _UNDEFINED_NAME_CODES:
        return NewerSchema(
            f"{address.display_name} was written by a later nnlab, and this part of it cannot be"
            f" read: {_message_line(error)}",
            hint="update nnlab",
        )
    return None


def connection_lost_error(address: ServerAddress, error: BaseException) -> ConnectionLost:
    """The error for a server that cannot be reached."""
    return ConnectionLost(
        f"{address.display_name} cannot be reached: {_message_line(error)}",
        hint="is the server up, and the network? nnlab db status tries again",
    )


def _translate_without_code(error: psycopg.Error, address: ServerAddress) -> NnlabError:
    message = str(error)
    kind = next((kind for words, kind in _REFUSAL_MESSAGES if f"FATAL:  {words}" in message), "")
    if kind == "password":
        return StoreError(
            f"{address.display_name} refuses this user: {_message_line(error)}",
            hint="~/.pgpass or PGPASSWORD holds a password; the URL may name the user",
        )
    if kind == "database":
        return NoDatabase(
            f"there is no {address.display_name}: {_message_line(error)}",
            hint="createdb creates it",
        )
    if kind == "many":
        return _too_many_connections_error(address)
    return connection_lost_error(address, error)


def _too_many_connections_error(address: ServerAddress) -> ConnectionLost:
    return ConnectionLost(
        f"{address.display_name} does not accept more connections",
        hint="raise max_connections in postgresql.conf: each worker needs at least one",
    )


def _message_line(error: BaseException) -> str:
    """The server's message, or the last line: earlier lines are about other addresses."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
