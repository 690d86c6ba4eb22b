"""A database that another process has open: who works there asks it to do things with it.

A worker on another machine cannot open a file of this one. What a worker needs of the store is
marked `remote_callable` and may be asked for through any channel that carries picklable values; each such
function is one whole transaction, so that a worker which dies leaves none open.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from nnlab.io.folders import Folder
from nnlab.store.address import Address
from nnlab.store.database import Database

P = ParamSpec("P")
R = TypeVar("R")

_REMOTE_CALLABLES: dict[str, Callable[..., Any]] = {}


@dataclass(frozen=True, slots=True)
class RpcRequest:
    """What is to be done: a served function of the store, or something with a folder of files.

    `place` is the folder within the database's own; None asks the store.
    """

    name: str
    arguments: tuple[Any, ...]
    named: Mapping[str, Any] = field(default_factory=dict)
    place: tuple[str, ...] | None = None


SendRequest = Callable[[RpcRequest], Any]


@dataclass(frozen=True, slots=True)
class RemoteDatabase:
    """A database in another process, which answers for it.

    `ask` raises what the function asked for raises, and ConnectionLost where nobody answers.
    """

    address: Address
    ask: SendRequest

    @property
    def files(self) -> Folder:
        """The database's own folder for what runs make."""
        return RemoteFolder(self.ask)

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[None]:
        """Each function stays a transaction of its own."""
        del alone
        yield

    def close(self) -> None:
        """Whose it is closes it."""


AnyDatabase = Database | RemoteDatabase


def remote_callable(
    function: Callable[Concatenate[Database, P], R],
) -> Callable[Concatenate[AnyDatabase, P], R]:
    """Has a function carried out where the database is."""
    name = f"{function.__module__}.{function.__qualname__}"
    _REMOTE_CALLABLES[name] = function

    @wraps(function)
    def here_or_there(db: AnyDatabase, /, *args: P.args, **named: P.kwargs) -> R:
        if isinstance(db, RemoteDatabase):
            found: R = db.ask(RpcRequest(name, args, named))
            return found
        return function(db, *args, **named)

    return here_or_there


def execute_request(db: Database, question: RpcRequest) -> Any:
    """Does what was asked, where the database is.

    Raises:
        Exception: what the function raises.
    """
    if question.place is None:
        return _REMOTE_CALLABLES[question.name](db, *question.arguments, **question.named)
    folder: Folder = db.files
    for name in question.place:
        folder = folder.within(name)
    if question.name not in _FOLDER_METHODS:
        raise KeyError(question.name)
    return getattr(folder, question.name)(*question.arguments)


_FOLDER_METHODS = frozenset(
    ("names", "read", "write", "append", "rename", "remove", "tidy", "clear", "size_of")
)


class RemoteFolder(Folder):
    """A folder beside a database in another process."""

    def __init__(self, ask: SendRequest, place: tuple[str, ...] = ()) -> None:
        self._send, self._place = ask, place

    @property
    def shown(self) -> str:
        """Where it is within the database's own."""
        return "/".join(("the database's folder", *self._place))

    def within(self, name: str) -> "RemoteFolder":
        """As every folder does."""
        return RemoteFolder(self._send, (*self._place, name))

    def names(self) -> list[str]:
        """As every folder does."""
        found: list[str] = self._ask("names")
        return found

    def read(self, name: str) -> bytes:
        """As every folder does."""
        content: bytes = self._ask("read", name)
        return content

    def write(self, name: str, content: bytes) -> None:
        """As every folder does."""
        self._ask("write", name, content)

    def append(self, name: str, content: bytes) -> None:
        """As every folder does."""
        self._ask("append", name, content)

    def rename(self, name: str, new: str) -> None:
        """As every folder does."""
        self._ask("rename", name, new)

    def remove(self, name: str) -> None:
        """As every folder does."""
        self._ask("remove", name)

    def tidy(self) -> None:
        """As every folder does."""
        self._ask("tidy")

    def clear(self) -> None:
        """As every folder does."""
        self._ask("clear")

    def size_of(self, name: str) -> int | None:
        """As every folder does."""
        size: int | None = self._ask("size_of", name)
        return size

    def _ask(self, name: str, *arguments: Any) -> Any:
        return self._send(RpcRequest(name, arguments, place=self._place))
