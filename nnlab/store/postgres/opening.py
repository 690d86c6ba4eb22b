"""Opens a database on a server for what is to be done with it, and keeps its schema up to date."""

from nnlab.errors import NnlabError, NoDatabase, UpgradeFailed
from nnlab.store.address import ServerAddress
from nnlab.store.postgres.database import ServerDatabase
from nnlab.store.schema import Migrations
from nnlab.store.upgrade import newer_schema_error


def open_server(
    address: ServerAddress,
    *,
    write: bool,
    create: bool,
    migrations: Migrations,
    busy_seconds: float,
) -> ServerDatabase:
    """As `open_database`, of which this is the half for servers."""
    database = ServerDatabase(address, writes=write, busy_seconds=busy_seconds)
    try:
        with database.read() as connection:
            found = database.revision(connection)
        if found is None:
            _check_may_create(address, create=create)
        if found is None or found in migrations.revisions[:-1]:
            _create_or_upgrade_schema(address, migrations, busy_seconds)
        elif found != migrations.head:
            _check_may_read_newer(address, found, migrations, write=write)
            database.newer = True
    except BaseException:
        database.close()
        raise
    return database


def _check_may_create(address: ServerAddress, *, create: bool) -> None:
    if not create:
        raise NoDatabase(
            f"{address.shown} holds no results of nnlab", hint="nnlab train makes the tables"
        )


def _check_may_read_newer(
    address: ServerAddress, found: str, migrations: Migrations, *, write: bool
) -> None:
    if write:
        raise newer_schema_error(address, found, migrations)


def _create_or_upgrade_schema(
    address: ServerAddress, migrations: Migrations, busy_seconds: float
) -> None:
    """Makes the tables, or brings them to this version, in one transaction that nobody shares.

    Any number of processes may do so at once: one does it, the others find it done.
    """
    database = ServerDatabase(address, writes=True, busy_seconds=busy_seconds)
    try:
        with database.write() as connection:
            database.make_schema(connection)
            found = database.revision(connection)
            if found == migrations.head:
                return
            try:
                migrations.run(connection)
                database.prepare_partitions(connection, highest_run=0)
            except NnlabError:
                raise
            except Exception as error:
                if found is None:
                    raise
                raise UpgradeFailed(
                    f"{address.shown} could not be upgraded from revision {found} to"
                    f" {migrations.head} and is as it was: {error}",
                    hint="the nnlab that wrote it still reads it",
                ) from error
    finally:
        database.close()
