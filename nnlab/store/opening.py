"""Opens a database for reading or writing, and upgrades an older schema."""

from sqlalchemy import func, select

from nnlab.errors import DatabaseReadOnly, NnlabError, NoDatabase, OutputError, StoreError
from nnlab.store.address import FileAddress, ServerAddress, parse_address
from nnlab.store.create import create_schema
from nnlab.store.database import BUSY_SECONDS, Database
from nnlab.store.schema import SHIPPED_MIGRATIONS, Migrations
from nnlab.store.sqlite import SQLITE_SCHEMA, FileAccess, FileDatabase
from nnlab.store.sqlite_errors import cannot_open_error, no_database_error, not_a_database_error
from nnlab.store.upgrade import newer_schema_error, older_schema_error, upgrade_schema


def open_database(
    target: str,
    *,
    write: bool,
    create: bool = False,
    upgrade: bool = True,
    migrations: Migrations = SHIPPED_MIGRATIONS,
    busy_seconds: float = BUSY_SECONDS,
) -> Database:
    """Opens a database; an older schema is backed up and upgraded first.

    Args:
        target: a path or a URL.
        write: whether results will be written.
        create: whether to create a missing database; without it no file is ever created.
        upgrade: whether an older schema is upgraded; otherwise it is an error.
        migrations: the migrations that create and upgrade the schema.
        busy_seconds: how long to wait for another writer.

    Raises:
        UsageError: the target is neither a path nor a supported URL.
        NoDatabase: there is no database, and `create` is not set.
        NotADatabase: the file is of another kind, or damaged.
        NewerSchema: it would be written, but a later version created its schema.
        OlderSchema: an earlier version created its schema, and `upgrade` is not set.
        UpgradeFailed: an older schema could not be upgraded.
        ConnectionLost: the server cannot be reached.
        StoreError, OutputError: it cannot be opened, created, read or written.
    """
    address = parse_address(target)
    if isinstance(address, ServerAddress):
        # Imported here for start-up time: results in a file need no PostgreSQL driver.
        try:
            from nnlab.store.postgres.opening import open_server
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in ("psycopg", "psycopg_c") and (
                "libpq" not in str(error)
            ):
                raise
            raise StoreError(
                f"{address.display_name} needs psycopg, which is not installed: {error}",
                hint='pip install "nnlab[postgres]"',
            ) from None
        return open_server(
            address,
            write=write,
            create=create,
            upgrade=upgrade,
            migrations=migrations,
            busy_seconds=busy_seconds,
        )
    return _open_file(
        address,
        write=write,
        create=create,
        upgrade=upgrade,
        migrations=migrations,
        busy_seconds=busy_seconds,
    )


def _open_file(
    address: FileAddress,
    *,
    write: bool,
    create: bool,
    upgrade: bool,
    migrations: Migrations,
    busy_seconds: float,
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
        _create_or_upgrade_schema(database, migrations, write=write, create=create, upgrade=upgrade)
        if write:
            database.set_journal_mode()
    except BaseException:
        database.close()
        raise
    return database


# SQLite treats a shorter file as empty, and would overwrite its content.
_MIN_FILE_BYTES = 512


def _file_size(address: FileAddress) -> int:
    try:
        return address.path.stat().st_size if address.path.is_file() else 0
    except OSError:
        return 0


def _missing_error(address: FileAddress) -> NnlabError:
    return no_database_error(address) if address.path.is_file() else cannot_open_error(address)


def _create_or_upgrade_schema(
    database: FileDatabase, migrations: Migrations, *, write: bool, create: bool, upgrade: bool
) -> None:
    address, busy_seconds = database.address, database.busy_seconds
    with database.read() as connection:
        revision = database.revision(connection)
    if revision is None:
        if not create:
            raise NoDatabase(
                f"{address.display_name} holds no results of nnlab",
                hint="nnlab train creates the tables",
            )
        create_schema(address, migrations, busy_seconds=busy_seconds)
    elif revision in migrations.revisions[:-1]:
        if not upgrade:
            raise older_schema_error(address, revision, migrations)
        upgrade_schema(address, migrations, busy_seconds=busy_seconds)
    elif revision != migrations.head:
        if write:
            raise newer_schema_error(address, revision, migrations)
        database.newer = True


def _open_writable(address: FileAddress, busy_seconds: float) -> FileDatabase:
    return FileDatabase(address, FileAccess.WRITE, busy_seconds=busy_seconds)


def _open_readable(address: FileAddress, busy_seconds: float) -> FileDatabase:
    """Opens for reading with the first access that works; otherwise the last error is raised."""
    for access in (FileAccess.READ, FileAccess.READ_ONLY_FILE):
        database = FileDatabase(address, access, busy_seconds=busy_seconds)
        try:
            with database.read() as connection:
                connection.execute(select(func.count()).select_from(SQLITE_SCHEMA))
        except (DatabaseReadOnly, OutputError):
            database.close()
        except BaseException:
            database.close()
            raise
        else:
            return database
    log = address.sibling("-wal")
    if log.exists() and log.stat().st_size:
        # FROZEN ignores the log, so the newest results would silently be missing.
        raise DatabaseReadOnly(
            f"{address.display_name} cannot be read where it is: its newest results are in"
            f" {log.name},"
            " and reading that needs a folder that can be written",
            hint="copy both files to another folder and name the copy with --db",
        )
    return FileDatabase(address, FileAccess.FROZEN, busy_seconds=busy_seconds)
