"""A page that is open for long: its memory and its elements do not grow with live updates."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from board.curve_fixtures import add_curve, add_runs, add_study, append_points, context_of
from playwright.sync_api import CDPSession, Page, expect

from nnlab import store
from nnlab.board.app import create_app
from nnlab.board.server import BoardServer, listen

PATIENCE = 30_000  # milliseconds
METRICS = ("train/loss", "val/loss")
PAUSE = 100  # milliseconds between two commits
# Of what is still referenced. Updates alone were measured to need less than 0.1 MB and no node.
MAX_HEAP_GROWTH = 1_000_000  # bytes
MAX_NODE_GROWTH = 300
MAX_LISTENER_GROWTH = 80


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[store.Database]:
    """A database with three runs that another connection than the board's writes to."""
    database = store.open_database(str(tmp_path / "runs.db"), write=True, create=True)
    study = add_study(database, "soak")
    for lr in (0.1, 0.2, 0.3):
        for run_id in add_runs(database, study, lr, [0]):
            for metric in METRICS:
                # Longer than a panel is wide: what is drawn does not grow with what is appended.
                add_curve(database, run_id, [1.0 / (i + 1) for i in range(5_000)], metric)
    yield database
    database.close()


@pytest.fixture
def url(writer: store.Database, page: Page, tmp_path: Path) -> Iterator[str]:
    """The address of a board of the database."""
    database = store.open_database(str(tmp_path / "runs.db"), write=False)
    listener = listen("127.0.0.1", 0)
    server = BoardServer(create_app(context_of(database)), listener)
    server.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    page.context.close()  # otherwise the page would report that the server does not answer
    server.stop()
    database.close()


@pytest.mark.parametrize(
    ("view", "seconds"),
    [
        pytest.param("curves", 24, marks=pytest.mark.slow),
        pytest.param("runs", 12, marks=pytest.mark.slow),
        pytest.param("curves", 900, marks=pytest.mark.long),
    ],
)
def test_live_updates_leave_the_memory_flat(
    page: Page, url: str, writer: store.Database, view: str, seconds: int
) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(f"{url}#view={view}")
    expect(page.locator("#connection")).to_have_text("live", timeout=PATIENCE)
    shown = page.locator(".chart-area canvas" if view == "curves" else ".runs-table tbody tr")
    expect(shown.first).to_be_visible(timeout=PATIENCE)
    updates: list[str] = []
    page.on("response", lambda response: updates.append(response.url))

    _write(writer, page, seconds / 3)
    before = _memory(session)
    earlier = len(updates)
    _write(writer, page, seconds * 2 / 3)
    after = _memory(session)
    assert len(updates) - earlier > seconds / 6, "the page was hardly updated"
    _require_flat(before, after)


@pytest.mark.slow
def test_views_that_were_left_are_freed(page: Page, url: str) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(url)
    expect(page.locator("nav a").first).to_be_visible(timeout=PATIENCE)
    for _ in range(2):
        _visit_all_views(page)
    before = _memory(session)
    for _ in range(4):
        _visit_all_views(page)
    _require_flat(before, _memory(session))


def _write(writer: store.Database, page: Page, seconds: float) -> None:
    """Appends a point to every curve ten times a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for run_id in (1, 2, 3):
            for metric in METRICS:
                append_points(writer, run_id, [0.5], metric)
        page.wait_for_timeout(PAUSE)  # the pace of the writer


def _visit_all_views(page: Page) -> None:
    links = page.locator("nav a").all()
    # The current view, the first one, would ask for nothing.
    for link in [*links[1:], links[0]]:
        name = link.get_attribute("data-view")
        with page.expect_response(lambda response: "/api/" in response.url, timeout=PATIENCE):
            page.goto(f"{page.url.partition('#')[0]}#view={name}&runs=1-2&run.id=1")
        expect(link).to_have_attribute("aria-current", "page")


def _require_flat(before: Mapping[str, float], after: Mapping[str, float]) -> None:
    growth = {name: after[name] - before[name] for name in before}
    assert growth["JSHeapUsedSize"] < MAX_HEAP_GROWTH, growth
    assert growth["Nodes"] < MAX_NODE_GROWTH, growth
    assert growth["JSEventListeners"] < MAX_LISTENER_GROWTH, growth


def _memory(session: CDPSession) -> Mapping[str, float]:
    """Bytes and numbers of objects that are still referenced."""
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    metrics = session.send("Performance.getMetrics")["metrics"]
    names = ("JSHeapUsedSize", "Nodes", "JSEventListeners")
    return {entry["name"]: entry["value"] for entry in metrics if entry["name"] in names}
