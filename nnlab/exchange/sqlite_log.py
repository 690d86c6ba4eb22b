"""Reading of SQLite databases from elsewhere: nothing is written, and no code in them runs.

A database of an unknown person may contain views, generated columns and triggers that run code, and
damaged pages that make a query endless. Only plain tables with the expected columns are read, under
limits that depend on the size of the file.
"""

import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from nnlab.errors import DataError
from nnlab.exchange.log_files import files_below, read_head

HEADER = b"SQLite format 3\0"
_SUFFIXES = (".db", ".sqlite", ".sqlite3", ".db3")
_WAL_VERSION = 2
_MAX_TEXT = 16 << 20
# A query takes far fewer operations per byte of the file; a cycle of damaged pages takes more.
_OPERATIONS_PER_BYTE = 20
_MIN_OPERATIONS = 50_000_000
_OPERATIONS_PER_CHECK = 100_000


def database_files(path: Path) -> Iterator[Path]:
    """The SQLite databases below a folder, recognised by their names; a file has any name."""
    for file in files_below(path, lambda name: not path.is_dir() or name.endswith(_SUFFIXES)):
        if is_sqlite(file):
            yield file


def is_sqlite(path: Path) -> bool:
    """Whether a file begins as an SQLite database does."""
    return read_head(path, len(HEADER)) == HEADER


@contextmanager
def open_sqlite(path: Path, tables: Mapping[str, Sequence[str]]) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, to a database that may be in use.

    Args:
        path: the database.
        tables: the columns that are read, by the name of their table.

    Raises:
        DataError: it is no SQLite database, it is damaged, or a table or column is missing or not
            plain. Errors inside the `with` block are raised as DataError too.
    """
    with ExitStack() as stack:
        try:
            connection = _connect(path, stack)
            _check_tables(connection, path, tables)
            yield connection
        except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as an SQLite database: {error}") from error
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}") from error


def _connect(path: Path, stack: ExitStack) -> sqlite3.Connection:
    head = read_head(path, 100)
    if not head.startswith(HEADER):
        raise DataError(f"{path}: not an SQLite database")
    uri = f"file:{quote(str(path.absolute()))}"
    has_wal = _exists(path, "-wal")
    if len(head) > 18 and head[18] == _WAL_VERSION and not has_wal:
        # Nobody writes to it. Without `immutable`, SQLite would create files beside it.
        return stack.enter_context(closing(_open(f"{uri}?immutable=1", path)))
    try:
        connection = stack.enter_context(closing(_open(f"{uri}?mode=ro", path)))
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        if not has_wal and not _exists(path, "-journal"):
            raise
        # A killed writer left changes that SQLite must apply before it reads.
        return stack.enter_context(closing(_open_copy(path, stack)))
    return connection


def _exists(path: Path, suffix: str) -> bool:
    file = path.with_name(path.name + suffix)
    return file.is_file() and not file.is_symlink() and file.stat().st_size > 0


def _open_copy(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """A connection to a copy of a database with its journal, in a temporary folder."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nnlab-")))
    for suffix in ("", "-wal", "-journal"):
        if not suffix or _exists(path, suffix):
            shutil.copyfile(path.with_name(path.name + suffix), folder / f"copy.db{suffix}")
    return _open(f"file:{quote(str(folder / 'copy.db'))}?mode=rw", path)


def _open(uri: str, path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None)
    try:
        # SQL that is stored in the database may call only functions without side effects.
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute("PRAGMA mmap_size=0")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_TEXT)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.text_factory = _decode
        _limit_operations(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _limit_operations(connection: sqlite3.Connection, path: Path) -> None:
    size = path.stat().st_size
    left = max(_MIN_OPERATIONS, size * _OPERATIONS_PER_BYTE) // _OPERATIONS_PER_CHECK

    def is_exhausted() -> int:
        nonlocal left
        left -= 1
        return int(left < 0)

    connection.set_progress_handler(is_exhausted, _OPERATIONS_PER_CHECK)


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _check_tables(
    connection: sqlite3.Connection, path: Path, tables: Mapping[str, Sequence[str]]
) -> None:
    for table, columns in tables.items():
        row = connection.execute(
            "SELECT type, rootpage FROM sqlite_master WHERE name = ? COLLATE NOCASE", (table,)
        ).fetchone()
        # A virtual table has no root page.
        if row is None or row[0] != "table" or not row[1]:
            raise DataError(f"{path} has no table {table}")
        plain = plain_columns(connection, table)
        for column in columns:
            if column not in plain:
                raise DataError(f"{path}: table {table} has no column {column}")


def plain_columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """The names of the columns of a table that are not computed."""
    # The column `hidden` is 2 or 3 for a column that is computed.
    return {
        row[1]
        for row in connection.execute("SELECT * FROM pragma_table_xinfo(?)", (table,))
        if not row[6]
    }


def row_digest(row: Sequence[object]) -> str:
    """A checksum of a row, to recognise it at the next reading."""
    return hashlib.sha256(repr(tuple(row)).encode("utf-8", "replace")).hexdigest()[:32]
