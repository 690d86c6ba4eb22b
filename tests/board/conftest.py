"""A board of a small database, and a browser for its page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab import store
from nnlab.analysis.scope import resolve_scope
from nnlab.board.app import create_app
from nnlab.board.context import BoardContext
from nnlab.board.server import BoardServer, listen
from nnlab.web.assets import has_uplot

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; the tests that need one are skipped without it."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    if not has_uplot():
        pytest.skip("uPlot was not fetched: npm was missing when nnlab was installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of the browser; errors in its console and requests to other hosts fail the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    tab = context.new_page()
    problems: list[str] = []
    tab.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("request", lambda r: problems.append(r.url) if not _is_local(r.url) else None)
    yield tab
    context.close()
    assert not problems


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1", "http://localhost", "file:", "data:", "blob:"))


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
