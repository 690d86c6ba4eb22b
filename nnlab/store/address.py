"""Where a database is: what `--db` and NNLAB_DB may say.

>>> parse("runs.db").artifacts.name
'runs.artifacts'
>>> parse("sqlite:///lab/runs.db").shown
'lab/runs.db'
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from nnlab.errors import UsageError

_SUPPORTED = "a path, such as runs.db, or sqlite:///PATH"


@dataclass(frozen=True, slots=True)
class Address:
    """A database's URL, its file, and the folder beside it for files that runs make.

    `shown` names it for people and holds no password.
    """

    url: URL
    path: Path
    artifacts: Path
    shown: str


def parse(target: str) -> Address:
    """Reads a path or a URL.

    Raises:
        UsageError: it is empty, or a URL of a kind that is not supported. The message leaves
            out all but the scheme, for the rest may hold a password.
    """
    text = _path_in(target) if "://" in target else target
    if not text.strip() or "\0" in text:
        raise UsageError("the database has no name", hint=f"--db takes {_SUPPORTED}")
    if text == ":memory:":
        raise UsageError(
            "a database in memory would be gone when the command ends",
            hint=f"--db takes {_SUPPORTED}",
        )
    path = Path(text).expanduser()
    return Address(
        url=URL.create("sqlite", database=str(path)),
        path=path,
        artifacts=_artifacts(path),
        shown=str(path),
    )


def _path_in(target: str) -> str:
    try:
        url = make_url(target)
    except (ArgumentError, ValueError):
        raise UsageError(
            "the database URL cannot be read", hint=f"--db takes {_SUPPORTED}"
        ) from None
    if url.get_backend_name() != "sqlite":
        raise UsageError(
            f"databases of the kind '{url.get_backend_name()}' are not supported",
            hint=f"--db takes {_SUPPORTED}",
        )
    if url.host or url.username or url.query or not url.database:
        raise UsageError(
            "a sqlite URL holds a path and nothing else, with three slashes before it",
            hint=f"--db takes {_SUPPORTED}",
        )
    return url.database


def _artifacts(path: Path) -> Path:
    # Only the usual ending is dropped: lab.v1 and lab.v2 must not share a folder.
    name = path.stem if path.suffix == ".db" else path.name
    return path.with_name(f"{name}.artifacts")
