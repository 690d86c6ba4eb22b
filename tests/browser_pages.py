"""A browser for pages: the fixtures `browser` and `page`, which tests/conftest.py makes known."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from nnlab.web.assets import has_uplot

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


# Of a module: while Playwright runs, the thread has an event loop, and the tests of other modules
# cannot start their own.
@pytest.fixture(scope="module")
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
