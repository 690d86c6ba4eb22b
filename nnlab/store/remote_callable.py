"""Remote calls of store functions: workers use a database that only another process can open.

A worker on another machine cannot open a SQLite file of this one. The functions that workers need
are marked with `remote_callable`, and a request for one can be sent through any channel that
carries picklable values. Each function is one transaction, so that a worker that dies leaves no
transaction open.
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
    """A call of a `remote_callable` function, or of a method of a folder of files.

    `folder_path` is the folder within the database's own; None calls a function of the store.
    """

    function: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    folder_path: tuple[str, ...] | None = None


SendRequest = Callable[[RpcRequest], Any]


@dataclass(frozen=True, slots=True)
class RemoteDatabase:
    """A database that another process has opened.

    `send_request` returns the result of a request. It raises the exception of the called
    function, and ConnectionLost if the other process does not answer.
    """

    address: Address
    send_request: SendRequest

    @property
    def files(self) -> Folder:
        """The database's own folder for the files of runs."""
        return RemoteFolder(self.send_request)

    @contextmanager
    def transaction(self, *, exclusive: bool = True) -> Iterator[None]:
        """Does nothing: each function remains a transaction of its own."""
        del exclusive
        yield

    def close(self) -> None:
        """Does nothing: the process that opened the database closes it."""


AnyDatabase = Database | RemoteDatabase


def remote_callable(
    function: Callable[Concatenate[Database, P], R],
) -> Callable[Concatenate[AnyDatabase, P], R]:
    """Makes a function executable in the process that has opened the database."""
    name = f"{function.__module__}.{function.__qualname__}"
    _REMOTE_CALLABLES[name] = function

    @wraps(function)
    def local_or_remote(db: AnyDatabase, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if isinstance(db, RemoteDatabase):
            result: R = db.send_request(RpcRequest(name, args, kwargs))
            return result
        return function(db, *args, **kwargs)

    return local_or_remote


def execute_request(db: Database, request: RpcRequest) -> Any:
    """Executes a request in the process that has opened the database; returns the result.

    Raises:
        Exception: the exception of the called function.
    """
    if request.folder_path is None:
        return _REMOTE_CALLABLES[request.function](db, *request.args, **request.kwargs)
    folder: Folder = db.files
    for name in request.folder_path:
        folder = folder.within(name)
    if request.function not in _FOLDER_METHODS:
        raise KeyError(request.function)
    return getattr(folder, request.function)(*request.args)


_FOLDER_METHODS = frozenset(
    (
        "file_names",
        "read",
        "write",
        "append",
        "rename",
        "remove",
        "remove_incomplete_files",
        "remove_folder",
        "size_of",
    )
)


class RemoteFolder(Folder):
    """A folder within the folder of a database that another process has opened."""

    def __init__(self, send_request: SendRequest, path: tuple[str, ...] = ()) -> None:
        self._send_request, self._path = send_request, path

    @property
    def display_name(self) -> str:
        """Its path within the database's own folder."""
        return "/".join(("the database's folder", *self._path))

    def within(self, name: str) -> "RemoteFolder":
        """See `Folder`."""
        return RemoteFolder(self._send_request, (*self._path, name))

    def file_names(self) -> list[str]:
        """See `Folder`."""
        names: list[str] = self._call("file_names")
        return names

    def read(self, name: str) -> bytes:
        """See `Folder`."""
        content: bytes = self._call("read", name)
        return content

    def write(self, name: str, content: bytes) -> None:
        """See `Folder`."""
        self._call("write", name, content)

    def append(self, name: str, content: bytes) -> None:
        """See `Folder`."""
        self._call("append", name, content)

    def rename(self, name: str, new: str) -> None:
        """See `Folder`."""
        self._call("rename", name, new)

    def remove(self, name: str) -> None:
        """See `Folder`."""
        self._call("remove", name)

    def remove_incomplete_files(self) -> None:
        """See `Folder`."""
        self._call("remove_incomplete_files")

    def remove_folder(self) -> None:
        """See `Folder`."""
        self._call("remove_folder")

    def size_of(self, name: str) -> int | None:
        """See `Folder`."""
        size: int | None = self._call("size_of", name)
        return size

    def _call(self, method: str, *args: Any) -> Any:
        return self._send_request(RpcRequest(method, args, folder_path=self._path))
