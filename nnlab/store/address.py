"""Addresses of databases: the values of `--db` and NNLAB_DB.

>>> parse_address("runs.db").artifacts.name
'runs.artifacts'
>>> parse_address("sqlite:///lab/runs.db").display_name
'lab/runs.db'
>>> parse_address("postgresql+psycopg://ann:secret@lab.example/results").display_name
'postgresql://ann@lab.example/results'
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from nnlab.errors import UsageError
from nnlab.io.redaction import is_secret_name

_SUPPORTED_TARGETS = (
    "a path, such as runs.db, sqlite:///PATH, or postgresql+psycopg://USER@HOST/DATABASE"
)

# Such a mistyped URL would be taken for a path and shown with its password.
_MISTYPED_SERVER_URL = re.compile(r"postgres(ql)?(\+\w+)?:", re.IGNORECASE)

# The schema of nnlab's tables on a server, unless the URL has `?schema=`.
DEFAULT_SCHEMA = "nnlab"


@dataclass(frozen=True, slots=True)
class Address(ABC):
    """A database, and the folder for the files of runs.

    `display_name` is its name in messages, without a password; `target` opens it and may have one.
    """

    target: str = field(repr=False)
    display_name: str
    artifacts: Path

    @property
    @abstractmethod
    def public_name(self) -> str:
        """Its name without a folder, host or user, for figures and reports."""

    @property
    @abstractmethod
    def portable_target(self) -> str:
        """The target that opens it from another working folder."""


@dataclass(frozen=True, slots=True)
class FileAddress(Address):
    """A database in a file."""

    path: Path

    @property
    def public_name(self) -> str:
        """The name of the file."""
        return self.path.name

    @property
    def portable_target(self) -> str:
        """The target that opens it from another working folder."""
        return str(self.path.absolute())

    @property
    def url(self) -> URL:
        """SQLAlchemy's URL of the file."""
        return URL.create("sqlite", database=str(self.path))

    def sibling(self, ending: str) -> Path:
        """The file in the same folder whose name has an additional ending."""
        return self.path.with_name(f"{self.path.name}{ending}")


@dataclass(frozen=True, slots=True)
class ServerAddress(Address):
    """A schema in a database on a PostgreSQL server; `options` are libpq's connection options."""

    schema: str
    options: Mapping[str, str] = field(repr=False)

    @property
    def public_name(self) -> str:
        """The name of the database on its server, and of the schema unless it is the default."""
        name = make_url(self.target).database or "postgresql"
        return name if self.schema == DEFAULT_SCHEMA else f"{name} (schema {self.schema})"

    @property
    def portable_target(self) -> str:
        """The target that opens it from another working folder, for a file that others may read.

        Raises:
            UsageError: it has a password, which would be in the file.
        """
        url = make_url(self.target)
        if url.password or any(is_secret_name(name) for name in url.query):
            raise UsageError(
                f"the URL of {self.display_name} holds a password, which a job's script would show",
                hint="leave it out, and put it into ~/.pgpass where the job runs",
            )
        query = {**url.query, "artifacts": str(self.artifacts.absolute())}
        return url.set(query=query).render_as_string()


def parse_address(target: str) -> FileAddress | ServerAddress:
    """Reads a path or a URL.

    Raises:
        UsageError: it is empty, or a URL of an unsupported kind. The message has only the scheme,
            because the rest may contain a password.
    """
    if "://" not in target:
        if _MISTYPED_SERVER_URL.match(target):
            raise UsageError(
                "the database URL lacks a slash: postgresql:// has two",
                hint=f"--db takes {_SUPPORTED_TARGETS}",
            )
        return _parse_file_path(target)
    try:
        url = make_url(target)
    except (ArgumentError, ValueError):
        raise UsageError(
            "the database URL cannot be read", hint=f"--db takes {_SUPPORTED_TARGETS}"
        ) from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return _parse_server_url(url)
    if url.get_backend_name() != "sqlite":
        raise UsageError(
            f"databases of the kind '{url.drivername}' are not supported",
            hint=f"--db takes {_SUPPORTED_TARGETS}",
        )
    if url.host or url.username or url.query or not url.database:
        raise UsageError(
            "a sqlite URL holds a path and nothing else, with three slashes before it",
            hint=f"--db takes {_SUPPORTED_TARGETS}",
        )
    return _parse_file_path(url.database)


def _parse_file_path(text: str) -> FileAddress:
    if not text.strip() or "\0" in text:
        raise UsageError("the database has no name", hint=f"--db takes {_SUPPORTED_TARGETS}")
    if text == ":memory:":
        raise UsageError(
            "a database in memory would be gone when the command ends",
            hint=f"--db takes {_SUPPORTED_TARGETS}",
        )
    try:
        given_path = Path(text).expanduser()
    except RuntimeError:  # `~nobody`
        raise UsageError(
            f"{text}: there is no such user", hint=f"--db takes {_SUPPORTED_TARGETS}"
        ) from None
    if given_path.name in ("", ".."):
        raise UsageError(f"{text} is a folder, not a database", hint="--db names a file")
    path = _resolve_symlink(given_path)
    # Only the ending .db is dropped: lab.v1 and lab.v2 must not share a folder.
    name = path.stem if path.suffix == ".db" else path.name
    artifacts = path.with_name(f"{name}.artifacts")
    beside_link = given_path.with_name(f"{given_path.name.removesuffix('.db')}.artifacts")
    # An earlier version stored the files next to the link.
    if path != given_path and beside_link.is_dir() and not artifacts.exists():
        artifacts = beside_link
    return FileAddress(str(path), str(given_path), artifacts, path)


def _resolve_symlink(path: Path) -> Path:
    """The target of a symbolic link: the log, backups and files are next to the database itself."""
    try:
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError):  # a cycle of links
        return path


def _parse_server_url(url: URL) -> ServerAddress:
    _refuse_split_password(url)
    options: dict[str, str] = {}
    for name, value in url.query.items():
        if not isinstance(value, str):
            raise UsageError(f"the database URL has '{name}' twice")
        options[name] = value
    schema = options.pop("schema", DEFAULT_SCHEMA)
    if not schema.isidentifier() or len(schema) > 63 or schema.startswith("pg_"):
        raise UsageError(
            f"the database URL names the schema '{schema}'",
            hint="a schema's name has letters, digits and underscores, 63 at most",
        )
    artifacts = options.pop("artifacts", None)
    if artifacts is not None and "://" in artifacts:
        raise UsageError(
            f"artifacts={artifacts} in the database URL: only a folder can be named there",
            hint="--artifacts (NNLAB_ARTIFACTS) takes a URL",
        )
    for name, part in (
        ("host", url.host),
        ("port", url.port),
        ("user", url.username),
        ("password", url.password),
        ("dbname", url.database),
    ):
        if part:
            options[name] = str(part)
    display_url = URL.create(
        "postgresql", url.username, host=url.host, port=url.port, database=url.database
    ).render_as_string()
    display_name = display_url if schema == DEFAULT_SCHEMA else f"{display_url} (schema {schema})"
    folder = (
        Path(artifacts).expanduser()
        if artifacts
        else _default_artifacts_folder(url.database, schema)
    )
    return ServerAddress(
        url.render_as_string(hide_password=False), display_name, folder, schema, options
    )


def _refuse_split_password(url: URL) -> None:
    """Raises UsageError if an unescaped `@` has split a password: its rest would be the host."""
    in_query = [part.partition("=")[0] for part in re.split(r"[?&]", str(url.password or ""))[1:]]
    if "@" in (url.host or "") or any(map(is_secret_name, in_query)):
        raise UsageError(
            "the password in the database URL contains an @, which ends it early",
            hint="write %40 for the @, or put the password into ~/.pgpass or PGPASSWORD",
        )


def _default_artifacts_folder(database: str | None, schema: str) -> Path:
    """A folder in the working folder, because the server's disk is on another machine."""
    # A database's name may contain any character; a folder's name must not be a path.
    name = "".join(char if char.isalnum() or char in "-_." else "_" for char in database or "")
    return Path("-".join(filter(None, [name.lstrip("."), schema])) + ".artifacts")
