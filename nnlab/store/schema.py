"""Which schema a database has, and the migrations that lead to this version's."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

import nnlab
from nnlab.errors import NotADatabase, StoreError
from nnlab.store.address import Address

# All revisions that this version knows, oldest first. Kept here so that opening a database
# needs no Alembic; a test holds it together with the migrations.
REVISIONS = ("0001", "0002", "0003", "0004", "0005")
HEAD = REVISIONS[-1]

# nnlab's own version table lets it share a database with whatever else uses Alembic.
VERSION_TABLE = "nnlab_version"

# The names in `tables`, which takes SQLAlchemy's types to import; a test holds the two together.
TABLES = (
    "study",
    "trial",
    "run",
    "environment",
    "attempt",
    "metric",
    "point",
    "summary",
    "finding",
    "artifact",
)


@dataclass(frozen=True, slots=True)
class Migrations:
    """A folder of Alembic migrations and the revisions in it, oldest first."""

    folder: Path | None = None
    revisions: tuple[str, ...] = REVISIONS

    @property
    def head(self) -> str:
        """The revision that they lead to."""
        return self.revisions[-1]

    def run(self, connection: Connection) -> None:
        """Brings the schema to `head` inside the connection's transaction, which it leaves open."""
        # Alembic takes a tenth of a second to import, and most commands need none of it.
        from alembic import command

        config = alembic_config(self.folder or shipped_migrations_folder())
        config.attributes["connection"] = connection
        command.upgrade(config, self.head)


SHIPPED_MIGRATIONS = Migrations()


def alembic_config(folder: Path) -> Any:
    """Alembic's configuration for a folder of migrations."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def shipped_migrations_folder() -> Path:
    """The migrations that came with nnlab: inside the installed package, or beside it.

    Raises:
        StoreError: they are at neither place.
    """
    package = Path(nnlab.__file__).parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise StoreError(
        f"the installation of nnlab is incomplete: no migrations in {package}",
        hint="install nnlab again",
    )


def find_revision(tables: set[str], connection: Connection, address: Address) -> str | None:
    """The revision of nnlab's tables among all of a database, or None where there are none.

    Raises:
        NotADatabase: other tables have the names of ours, or ours name no single revision.
    """
    if VERSION_TABLE not in tables:
        taken = sorted(tables & set(TABLES))
        if taken:
            raise NotADatabase(
                f"{address.shown} belongs to another program: its tables"
                f" {', '.join(taken)} are not nnlab's",
                hint="name another database with --db",
            )
        return None
    found = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()  # noqa: S608
    if len(found) == 1:
        return str(found[0][0])
    if not found and not tables & set(TABLES):
        return None
    raise NotADatabase(
        f"{address.shown} is damaged: its table {VERSION_TABLE} names {len(found)} revisions,"
        " not one",
        hint="put back a backup",
    )
