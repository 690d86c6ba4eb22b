"""Opens a database for what is to be done with it: reads any, writes only its own schema."""

from nnlab.errors import DatabaseReadOnly, NnlabError, NoDatabase, OutputError, StoreError
from nnlab.store.address import FileAddress, ServerAddress, parse_address
from nnlab.store.database import BUSY_SECONDS, Database
from nnlab.store.schema import SHIPPED_MIGRATIONS, Migrations
from nnlab.store.sqlite import FileAccess, FileDatabase
from nnlab.store.sqlite_errors import cannot_open_error, no_database_error, not_a_database_error
from nnlab.store.upgrade import create_schema, newer_schema_error, upgrade_schema


def open_database(
    target: str,
    *,
    write: bool,
    create: bool = False,
    migrations: Migrations = SHIPPED_MIGRATIONS,
    busy_seconds: float = BUSY_SECONDS,
) -> Database:
    """Opens a database; an older schema is backed up and upgraded first.

    Args:
        target: a path or a URL.
        write: whether results will be written.
        create: whether to make what is missing. Without it no file is ever made.
        migrations: what the schema is made and upgraded by.
        busy_seconds: how long to wait for another writer.

    Raises:
        UsageError: the target is no path and no supported URL.
        NoDatabase: there is none, and none is to be made.
        NotADatabase: the file is something else, or damaged.
        NewerSchema: it is to be written, and a later nnlab made it.
        UpgradeFailed: an older one could not be upgraded.
        ConnectionLost: the server cannot be reached.
        StoreError, OutputError: it cannot be opened, made, read or written.
    """
    address = parse_address(target)
    if isinstance(address, ServerAddress):
        # Who keeps results in a file waits for no driver.
        try:
            from nnlab.store.postgres.opening import open_server
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in ("psycopg", "psycopg_c") and (
                "libpq" not in str(error)
            ):
                raise
            raise StoreError(
                f"{address.shown} needs psycopg, which is not installed: {error}",
                hint='pip install "nnlab[postgres]"',
            ) from None
        return open_server(
            address, write=write, create=create, migrations=migrations, busy_seconds=busy_seconds
        )
    return _open_file(
        address, write=write, create=create, migrations=migrations, busy_seconds=busy_seconds
    )


def _open_file(
    address: FileAddress, *, write: bool, create: bool, migrations: Migrations, busy_seconds: float
) -> FileDatabase:
    size = _file_size(address)
    if 0 < size < _MIN_FILE_BYTES:
        raise not_a_database_error(address, damaged=False)
    if not size:
        if not create:
            raise _missing_error(address)
        if not address.path.parent.is_dir():
            raise cannot_open_error(address, create=True)
        create_schema(address, migrations, busy_seconds=busy_seconds)
    opened = _open_writable if write else _open_readable
    database = opened(address, busy_seconds)
    try:
        _create_or_upgrade_schema(database, migrations, write=write, create=create)
        if write:
            database.set_journal_mode()
    except BaseException:
        database.close()
        raise
    return database


# SQLite takes a shorter file for an empty one, and would write over what is in it.
_MIN_FILE_BYTES = 512


def _file_size(address: FileAddress) -> int:
    try:
        return address.path.stat().st_size if address.path.is_file() else 0
    except OSError:
        return 0


def _missing_error(address: FileAddress) -> NnlabError:
    return no_database_error(address) if address.path.is_file() else cannot_open_error(address)


def _create_or_upgrade_schema(
    database: FileDatabase, migrations: Migrations, *, write: bool, create: bool
) -> None:
    address, busy_seconds = database.address, database.busy_seconds
    with database.read() as connection:
        revision = database.revision(connection)
    if revision is None:
        if not create:
            raise NoDatabase(
                f"{address.shown} holds no results of nnlab", hint="nnlab train makes the tables"
            )
        create_schema(address, migrations, busy_seconds=busy_seconds)
    elif revision in migrations.revisions[:-1]:
        upgrade_schema(address, migrations, busy_seconds=busy_seconds)
    elif revision != migrations.head:
        if write:
            raise newer_schema_error(address, revision, migrations)
        database.newer = True


def _open_writable(address: FileAddress, busy_seconds: float) -> FileDatabase:
    return FileDatabase(address, FileAccess.WRITE, busy_seconds=busy_seconds)


def _open_readable(address: FileAddress, busy_seconds: float) -> FileDatabase:
    """Opens for reading in the first way that works; where none does, the last one says why."""
    for access in (FileAccess.READ, FileAccess.READ_ONLY_FILE):
        database = FileDatabase(address, access, busy_seconds=busy_seconds)
        try:
            with database.read() as connection:
                connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
        except (DatabaseReadOnly, OutputError):
            database.close()
        except BaseException:
            database.close()
            raise
        else:
            return database
    log = address.beside("-wal")
    if log.exists() and log.stat().st_size:
        # Frozen, the newest results, which are in the log, would silently be missing.
        raise DatabaseReadOnly(
            f"{address.shown} cannot be read where it is: its newest results are in {log.name},"
            " and reading that needs a folder that can be written",
            hint="copy both files to another folder and name the copy with --db",
        )
    return FileDatabase(address, FileAccess.FROZEN, busy_seconds=busy_seconds)
