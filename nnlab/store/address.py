"""Where a database is: what `--db` and NNLAB_DB may say.

>>> parse("runs.db").artifacts.name
'runs.artifacts'
>>> parse("sqlite:///lab/runs.db").shown
'lab/runs.db'
>>> parse("postgresql+psycopg://ann:secret@lab.example/results").shown
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

# Read as a path, a URL with a typing error would be shown with its password.
_MISTYPED_SERVER_URL = re.compile(r"postgres(ql)?(\+\w+)?:", re.IGNORECASE)

# Where nnlab's tables are on a server, unless the URL says `?schema=`.
DEFAULT_SCHEMA = "nnlab"


@dataclass(frozen=True, slots=True)
class Address(ABC):
    """A database, and the folder for files that runs make.

    `shown` names it for people and holds no password; `target` opens it again and may hold one.
    """

    target: str = field(repr=False)
    shown: str
    artifacts: Path

    @property
    @abstractmethod
    def elsewhere(self) -> str:
        """What names it in another folder."""


@dataclass(frozen=True, slots=True)
class FileAddress(Address):
    """A database in a file."""

    path: Path

    @property
    def elsewhere(self) -> str:
        """What names it in another folder."""
        return str(self.path.absolute())

    @property
    def url(self) -> URL:
        """SQLAlchemy's name for it."""
        return URL.create("sqlite", database=str(self.path))

    def beside(self, ending: str) -> Path:
        """The file of the same name with more at its end."""
        return self.path.with_name(f"{self.path.name}{ending}")


@dataclass(frozen=True, slots=True)
class ServerAddress(Address):
    """A schema in a database on a PostgreSQL server; `options` are libpq's, by their names."""

    schema: str
    options: Mapping[str, str] = field(repr=False)

    @property
    def elsewhere(self) -> str:
        """What names it in another folder, in a file that anybody may read.

        Raises:
            UsageError: it has a password, which would be in there.
        """
        url = make_url(self.target)
        if url.password or any(is_secret_name(name) for name in url.query):
            raise UsageError(
                f"the URL of {self.shown} holds a password, which a job's script would show",
                hint="leave it out, and put it into ~/.pgpass where the job runs",
            )
        query = {**url.query, "artifacts": str(self.artifacts.absolute())}
        return url.set(query=query).render_as_string()


def parse_address(target: str) -> FileAddress | ServerAddress:
    """Reads a path or a URL.

    Raises:
        UsageError: it is empty, or a URL of a kind that is not supported. The message leaves
            out all but the scheme, for the rest may hold a password.
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
        typed = Path(text).expanduser()
    except RuntimeError:  # `~nobody`
        raise UsageError(
            f"{text}: there is no such user", hint=f"--db takes {_SUPPORTED_TARGETS}"
        ) from None
    if typed.name in ("", ".."):
        raise UsageError(f"{text} is a folder, not a database", hint="--db names a file")
    path = _resolve_symlink(typed)
    # Only the usual ending is dropped: lab.v1 and lab.v2 must not share a folder.
    name = path.stem if path.suffix == ".db" else path.name
    artifacts = path.with_name(f"{name}.artifacts")
    beside_link = typed.with_name(f"{typed.name.removesuffix('.db')}.artifacts")
    # An earlier version put the files beside the link.
    if path != typed and beside_link.is_dir() and not artifacts.exists():
        artifacts = beside_link
    return FileAddress(str(path), str(typed), artifacts, path)


def _resolve_symlink(path: Path) -> Path:
    """Where a symbolic link leads, so that the log, backups and files are beside the database."""
    try:
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError):  # a link in a circle
        return path


def _parse_server_url(url: URL) -> ServerAddress:
    _refuse_split_password(url)
    options: dict[str, str] = {}
    for name, value in url.query.items():
        if not isinstance(value, str):
            raise UsageError(f"the database URL says '{name}' twice")
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
    at = URL.create(
        "postgresql", url.username, host=url.host, port=url.port, database=url.database
    ).render_as_string()
    shown = at if schema == DEFAULT_SCHEMA else f"{at} (schema {schema})"
    folder = (
        Path(artifacts).expanduser()
        if artifacts
        else _default_artifacts_folder(url.database, schema)
    )
    return ServerAddress(url.render_as_string(hide_password=False), shown, folder, schema, options)


def _refuse_split_password(url: URL) -> None:
    """Raises UsageError where a raw `@` has split a password: the host's name would be its rest."""
    in_query = [part.partition("=")[0] for part in re.split(r"[?&]", str(url.password or ""))[1:]]
    if "@" in (url.host or "") or any(map(is_secret_name, in_query)):
        raise UsageError(
            "the password in the database URL contains an @, which ends it early",
            hint="write %40 for the @, or put the password into ~/.pgpass or PGPASSWORD",
        )


def _default_artifacts_folder(database: str | None, schema: str) -> Path:
    """In the working folder: a server's own disk is elsewhere."""
    # A database's name may hold anything; a folder's must not lead elsewhere.
    name = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in database or "")
    return Path("-".join(filter(None, [name.lstrip("."), schema])) + ".artifacts")
