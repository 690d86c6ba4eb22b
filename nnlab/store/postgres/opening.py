"""Opens a database on a PostgreSQL server, and creates or upgrades its schema."""

from nnlab.errors import NnlabError, NoDatabase, UpgradeFailed
from nnlab.store.address import ServerAddress
from nnlab.store.postgres.database import ServerDatabase
from nnlab.store.schema import Migrations
from nnlab.store.upgrade import newer_schema_error, older_schema_error


def open_server(
    address: ServerAddress,
    *,
    write: bool,
    create: bool,
    upgrade: bool,
    migrations: Migrations,
    busy_seconds: float,
) -> ServerDatabase:
    """The part of `open_database` for servers."""
    database = ServerDatabase(address, writes=write, busy_seconds=busy_seconds)
    try:
        with database.read() as connection:
            revision = database.revision(connection)
        if revision is None:
            _check_may_create(address, create=create)
        is_older = revision in migrations.revisions[:-1]
        if revision is not None and is_older:
            _check_may_upgrade(address, revision, migrations, upgrade=upgrade)
        if revision is None or is_older:
            _create_or_upgrade_schema(address, migrations, busy_seconds)
        elif revision != migrations.head:
            _check_may_read_newer(address, revision, migrations, write=write)
            database.newer = True
    except BaseException:
        database.close()
        raise
    return database


def _check_may_create(address: ServerAddress, *, create: bool) -> None:
    if not create:
        raise NoDatabase(
            f"{address.display_name} holds no results of nnlab",
            hint="nnlab train creates the tables",
        )


def _check_may_read_newer(
    address: ServerAddress, revision: str, migrations: Migrations, *, write: bool
) -> None:
    if write:
        raise newer_schema_error(address, revision, migrations)


def _check_may_upgrade(
    address: ServerAddress, revision: str, migrations: Migrations, *, upgrade: bool
) -> None:
    if not upgrade:
        raise older_schema_error(address, revision, migrations)


def _create_or_upgrade_schema(
    address: ServerAddress, migrations: Migrations, busy_seconds: float
) -> None:
    """Creates the tables, or upgrades them, in one exclusive transaction.

    Several processes may do so at once: one does it, the others find the result.
    """
    database = ServerDatabase(address, writes=True, busy_seconds=busy_seconds)
    try:
        with database.write() as connection:
            database.make_schema(connection)
            revision = database.revision(connection)
            if revision == migrations.head:
                return
            try:
                migrations.run(connection)
                database.prepare_partitions(connection, highest_run=0)
            except NnlabError:
                raise
            except Exception as error:
                if revision is None:
                    raise
                raise UpgradeFailed(
                    f"{address.display_name} could not be upgraded from revision {revision} to"
                    f" {migrations.head} and is unchanged: {error}",
                    hint="the nnlab that wrote it still reads it",
                ) from error
    finally:
        database.close()
