"""The revisions of the schema, and the migrations that create and upgrade it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import column, select, table
from sqlalchemy.engine import Connection

from nnlab.errors import NotADatabase, StoreError
from nnlab.store.address import Address
from nnlab.store.tables import metadata

# All revisions that this version knows, oldest first. They are listed here so that opening a
# database does not import Alembic; a test compares them with the migrations.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
HEAD = REVISIONS[-1]

# A version table of its own: other programs in the same database may use Alembic too.
VERSION_TABLE = "nnlab_version"

# In the order of `tables`: a table comes after those that it refers to.
TABLES = tuple(metadata.tables)


@dataclass(frozen=True, slots=True)
class Migrations:
    """A folder of Alembic migrations and the revisions in it, oldest first."""

    folder: Path | None = None
    revisions: tuple[str, ...] = REVISIONS

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1]

    def run(self, connection: Connection) -> None:
        """Upgrades the schema to `head` inside the connection's transaction, which stays open."""
        # Imported here for start-up time: Alembic takes a tenth of a second.
        from alembic import command

        config = alembic_config(self.folder or shipped_migrations_folder())
        config.attributes["connection"] = connection
        command.upgrade(config, self.head)


SHIPPED_MIGRATIONS = Migrations()


def alembic_config(folder: Path) -> Any:
    """Alembic's configuration for a folder of migrations."""
    from alembic.config import Config  # imported here for start-up time

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def shipped_migrations_folder() -> Path:
    """The folder of nnlab's migrations: in the installed package, or next to it in a checkout.

    Raises:
        StoreError: there is no such folder.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise StoreError(
        f"the installation of nnlab is incomplete: no migrations in {package}",
        hint="install nnlab again",
    )


def find_revision(tables: set[str], connection: Connection, address: Address) -> str | None:
    """The revision of nnlab's tables in a database; None if there are none.

    Args:
        tables: the names of all tables in the database.
        connection: a connection to the database.
        address: the database, for messages.

    Raises:
        NotADatabase: another program's tables have the same names, or there is not one revision.
    """
    if VERSION_TABLE not in tables:
        taken = sorted(tables & set(TABLES))
        if taken:
            raise NotADatabase(
                f"{address.display_name} belongs to another program: its tables"
                f" {', '.join(taken)} are not nnlab's",
                hint="name another database with --db",
            )
        return None
    version = table(VERSION_TABLE, column("version_num"))
    rows = connection.execute(select(version.c.version_num)).all()
    if len(rows) == 1:
        return str(rows[0][0])
    if not rows and not tables & set(TABLES):
        return None
    raise NotADatabase(
        f"{address.display_name} is damaged: its table {VERSION_TABLE} names {len(rows)} revisions,"
        " not one",
        hint="put back a backup",
    )
