"""A board of a small database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab import store
from nnlab.analysis.scope import resolve_scope
from nnlab.board.app import create_app
from nnlab.board.context import BoardContext
from nnlab.board.server import BoardServer, listen


@pytest.fixture
def trained(nnlab: Nnlab, tmp_path: Path) -> Path:
    """A database with a small study of two optimizers and two learning rates, two seeds each."""
    nnlab("init-study", "opts", *QUICK, "--opt", "sgd,adam", "--lr", "0.01,0.1", "--seeds", "2")
    nnlab("train", "--study", "opts", "-q")
    return tmp_path / "runs.db"


@pytest.fixture
def board_url(trained: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a board of that database."""
    database = store.open_database(str(trained), write=False, create=False)
    context = BoardContext(database, resolve_scope(database, None))
    # Without rules of access: the tests of what the board shows need no token.
    listener = listen("127.0.0.1", 0)
    server = BoardServer(create_app(context), listener)
    server.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    if "page" in request.fixturenames:
        # Otherwise the page would report that the server does not answer.
        for tabs in request.getfixturevalue("browser").contexts:
            tabs.close()
    server.stop()
    database.close()
