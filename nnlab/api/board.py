"""`nnlab.board`: the live page of a database in a notebook."""

import html
import os
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.scope import resolve_scope
from nnlab.api.argument_checks import check_arguments
from nnlab.api.error_hints import hints_in_tracebacks
from nnlab.errors import MissingPackage
from nnlab.study.database import database_target

if TYPE_CHECKING:
    from nnlab.board.server import BoardServer

_DEFAULT_HEIGHT = 700

# The cookie of the page is sent only if its host is that of the notebook.
_FRAME = """<iframe id="{id}" title="nnlab board" width="100%" height="{height}" \
style="border: 1px solid #8886" src="{url}"></iframe>
<script>(() => {{
  if (location.hostname !== "localhost") return;
  const frame = document.getElementById("{id}");
  frame.src = frame.src.replace("//127.0.0.1:", "//localhost:");
}})();</script>
<p><a href="{url}" target="_blank" rel="noopener">open the board in a tab of its own</a></p>"""


class NotebookBoard:
    """A board that is served by this process; a notebook shows it as a frame.

    `url` opens it in a browser of this machine; it contains the token, as the output of the
    notebook does, which is valid until `close` or the end of the process.
    """

    def __init__(
        self, key: tuple[str, ...], server: "BoardServer", db: store.Database, url: str, height: int
    ) -> None:
        self.url = url
        self.height = height
        self._key = key
        self._server = server
        self._db = db

    def close(self) -> None:
        """Stops the server; a second call has no effect."""
        with _lock:
            if _boards.get(self._key) is self:
                del _boards[self._key]
                self._server.stop()
                self._db.close()

    def _repr_html_(self) -> str:
        identifier = f"nnlab-board-{self.url.partition('?')[0].rstrip('/').rpartition(':')[2]}"
        return _FRAME.format(id=identifier, url=html.escape(self.url), height=self.height)

    def __repr__(self) -> str:
        return f"<nnlab board {self.url}>"


_boards: dict[tuple[str, ...], NotebookBoard] = {}
_lock = threading.Lock()


@hints_in_tracebacks()
def show_board(
    db: str | os.PathLike[str] | None = None, *names: str, height: int = _DEFAULT_HEIGHT
) -> NotebookBoard:
    """Shows the live page of a database in a notebook; a repeated call uses the same server.

        nnlab.board("runs.db", "depth")

    Args:
        db: a path or a URL; by default that of NNLAB_DB, or `runs.db` in the working folder.
        names: studies, or runs by number or name; by default everything.
        height: of the frame in pixels.

    Raises:
        MissingPackage: the packages of `nnlab[board]` are not installed.
        NoDatabase: there is no database.
        UnknownName: there is no such study or run.
    """
    if find_spec("uvicorn") is None or find_spec("starlette") is None:
        raise MissingPackage("the board needs a web server", hint="pip install 'nnlab[board]'")
    from nnlab.board.context import BoardContext
    from nnlab.board.launch import BoardOptions, launch_board

    check_arguments(paths={"db": db})
    target = database_target(None if db is None else os.fspath(db))
    key = (os.path.abspath(target) if "://" not in target else target, *names)  # noqa: PTH100
    with _lock:
        if (board := _boards.get(key)) is None:
            database = store.open_database(target, write=False)
            try:
                context = BoardContext(database, resolve_scope(database, list(names) or None))
                launched = launch_board(context, BoardOptions(in_frames=True))
                launched.server.start()
            except BaseException:
                database.close()
                raise
            board = NotebookBoard(key, launched.server, database, launched.url, height)
            _boards[key] = board
        board.height = height
    return board
