"""The page follows the database: by events, by polling, and after it was hidden."""

import json
import signal
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line_runner import started
from playwright.sync_api import Page, expect
from sqlalchemy import update

from nnlab import store
from nnlab.store.tables import study

PATIENCE = 30_000  # ms


@pytest.fixture
def writer(trained: Path) -> Iterator[store.Database]:
    database = store.open_database(str(trained), write=True)
    yield database
    database.close()


def test_the_page_learns_of_a_commit(page: Page, board_url: str, writer: store.Database) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(board_url)
    expect(page.locator("#connection")).to_have_text("live", timeout=PATIENCE)
    expect(page.locator("#study")).to_contain_text("opts")
    before = sum("api/studies" in url for url in requests)
    committed = time.monotonic()
    store.change_tags(writer, [1], add=["seen"])
    with page.expect_request("**/api/studies?", timeout=PATIENCE):
        pass
    assert time.monotonic() - committed < 5
    assert sum("api/studies" in url for url in requests) > before


def test_without_events_the_page_polls(page: Page, board_url: str, writer: store.Database) -> None:
    page.route("**/api/events", lambda route: route.fulfill(content_type="text/event-stream"))
    page.goto(board_url)
    expect(page.locator("#connection")).to_have_text("polling", timeout=PATIENCE)
    store.change_tags(writer, [1], add=["seen"])
    with page.expect_request("**/api/studies?", timeout=PATIENCE):
        pass


def test_a_hidden_page_rests_and_catches_up(
    page: Page, board_url: str, writer: store.Database
) -> None:
    page.goto(board_url)
    expect(page.locator("#connection")).to_have_text("live", timeout=PATIENCE)
    _set_hidden(page, hidden=True)
    expect(page.locator("#connection")).to_have_text("paused")
    store.change_tags(writer, [1], add=["seen"])
    with page.expect_request("**/api/studies?", timeout=PATIENCE):
        _set_hidden(page, hidden=False)
    expect(page.locator("#connection")).to_have_text("live", timeout=PATIENCE)


def test_the_header_shows_study_and_selection(page: Page, board_url: str) -> None:
    page.goto(f"{board_url}#view=curves&study=opts&runs=1-3")
    expect(page.locator("#study")).to_have_value("opts")
    expect(page.locator("#selection")).to_contain_text("3 runs selected")
    page.get_by_role("button", name="clear").click()
    expect(page.locator("#selection")).to_be_empty()
    assert page.url == f"{board_url}#view=curves&study=opts"
    page.keyboard.press("Tab")
    page.locator(".board-skip").press("Enter")
    expect(page.locator("#view")).to_be_focused()
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_a_hostile_name_is_text(page: Page, board_url: str, writer: store.Database) -> None:
    name = "</option><img src=x onerror=alert(1)>{{version}}"
    with writer.write() as connection:
        connection.execute(update(study).values(name=name))
    page.goto(f"{board_url}#" + urllib.parse.urlencode({"study": name}))
    expect(page.locator("#study option")).to_have_text(["all", name], timeout=PATIENCE)
    expect(page.locator("#study")).to_have_value(name)
    assert page.locator("img").count() == 0


def test_the_command_serves_with_a_token_and_ends_at_once(trained: Path, page: Page) -> None:
    words = ("board", "opts", "--db", str(trained), "--no-open", "--prefix", "/lab")
    with started(trained.parent, *words, NNLAB_BOARD_READ_TOKEN="a-token-to-read-with") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert process.stdout.readline().endswith("/lab/?token=a-token-to-read-with\n")
        page.goto(f"{url}#view=ranking")
        expect(page.locator("#connection")).to_have_text("live", timeout=PATIENCE)
        assert page.url == f"{url.partition('?')[0]}#view=ranking"
        page.goto("about:blank")
        # A stream that stays open does not delay the end.
        token = url.partition("=")[2]
        request = urllib.request.Request(
            f"{url.partition('?')[0]}api/events", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as stream:
            assert stream.readline().startswith(b"retry")
            process.send_signal(signal.SIGINT)
            begin = time.monotonic()
            rest, errors = process.communicate(timeout=30)
        assert time.monotonic() - begin < 10
        assert process.returncode == 0
        assert token not in rest + errors


def test_a_port_in_use_is_an_error(trained: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        process = started(trained.parent, "board", "--db", str(trained), "--port", port)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"port {port} is in use" in errors


def test_the_page_says_that_the_database_is_gone(
    board_url: str, trained: Path, writer: store.Database
) -> None:
    writer.close()
    for file in trained.parent.glob("runs.db*"):
        file.rename(file.with_name(f"moved-{file.name}"))
    urllib.request.urlopen(f"{board_url}api/version", timeout=30).close()
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"{board_url}api/studies", timeout=30)
    assert refusal.value.code == 503
    with refusal.value as answer:
        assert "there is no database" in json.loads(answer.read())["error"]


def _set_hidden(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
