"""A board in its own process and a browser that opens it, for the benchmark `board_speed`."""

import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, sync_playwright

PATIENCE = 120_000  # milliseconds


@dataclass(frozen=True, slots=True)
class RunningBoard:
    """The address of a board, with and without its token."""

    address: str
    token: str

    @property
    def url(self) -> str:
        """The address that a browser opens."""
        return f"{self.address}?token={self.token}"

    def read(self, name: str, **parameters: str) -> bytes:
        """The answer to a request for data, as sent."""
        request = urllib.request.Request(
            f"{self.address}{name}?{urlencode(parameters)}",
            headers={"Authorization": f"Bearer {self.token}", "Accept-Encoding": "gzip"},
        )
        with urllib.request.urlopen(request, timeout=120) as response:
            content: bytes = response.read()
        return content


@contextmanager
def running_board(database: Path, cache: Path) -> Iterator[RunningBoard]:
    """`nnlab board` of a database; its cache of curves is in a folder of the benchmark."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nnlab", "board", "--db", str(database), "--no-open"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(cache),
    )
    assert process.stdout is not None
    address, _, token = process.stdout.readline().strip().partition("?token=")
    try:
        yield RunningBoard(address, token)
    finally:
        process.terminate()
        process.wait()


def environment(cache: Path) -> dict[str, str]:
    """The variables of processes that are measured: one thread, and a cache of their own."""
    return {**os.environ, "XDG_CACHE_HOME": str(cache), "OMP_NUM_THREADS": "1"}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Browser) -> Iterator[Page]:
    """A tab without cookies and cache, which reaches only this machine."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.route(
        lambda url: not url.startswith(("http://127.0.0.1", "http://localhost")),
        lambda route: route.abort(),
    )
    page = context.new_page()
    yield page
    context.close()


def seconds_until(action: Callable[[], object], condition: Callable[[], object]) -> float:
    """Seconds from the begin of an action until the condition was waited for."""
    start = time.perf_counter()
    action()
    condition()
    return time.perf_counter() - start


def first_view_seconds(browser: Browser, url: str, selector: str, rounds: int) -> float:
    """Median seconds of a browser without a cache from the request until an element is visible."""
    return statistics.median(_first_view_seconds(browser, url, selector) for _ in range(rounds))


def _first_view_seconds(browser: Browser, url: str, selector: str) -> float:
    with open_page(browser) as page:
        return seconds_until(
            lambda: page.goto(url, wait_until="commit", timeout=PATIENCE),
            lambda: page.locator(selector).first.wait_for(timeout=PATIENCE),
        )
