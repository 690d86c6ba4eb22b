"""Runs are stopped and tagged only with `--allow-actions` and the private token."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from board.access_rules import BEARER, HOST, READ_TOKEN, READER, TOKEN
from playwright.sync_api import Page, expect
from starlette.testclient import TestClient

from nnlab import store
from nnlab.analysis.scope import resolve_scope
from nnlab.board.access import BoardAccess
from nnlab.board.app import create_app
from nnlab.board.context import BoardContext
from nnlab.board.launch import BoardOptions, launch_board


@pytest.fixture
def board(trained: Path) -> Iterator[TestClient]:
    """A board of run 1 only, with actions."""
    reads = store.open_database(str(trained), write=False)
    writes = store.open_database(str(trained), write=True)
    context = BoardContext(reads, resolve_scope(reads, ["1"]))
    access = BoardAccess(token=TOKEN, port=8080, read_token=READ_TOKEN)
    yield TestClient(create_app(context, access, actions=writes), base_url=HOST)
    reads.close()
    writes.close()


def test_a_tag_is_added_and_removed(board: TestClient, trained: Path) -> None:
    body = {"runs": [1, 2], "add": ["good", "<b>é"]}
    assert board.post("/api/actions/tag", json=body, headers=BEARER).json() == {"changed": 1}
    assert _tags(trained, 1) == ("good", "<b>é")
    assert _tags(trained, 2) == ()  # the board does not show it
    body = {"runs": [1], "remove": ["good"]}
    assert board.post("/api/actions/tag", json=body, headers=BEARER).status_code == 200
    assert _tags(trained, 1) == ("<b>é",)


def test_stopping_a_finished_run_changes_nothing(board: TestClient) -> None:
    answer = board.post("/api/actions/stop", json={"runs": [1]}, headers=BEARER)
    assert answer.json() == {"ending": [], "waiting": [], "already_ended": [1]}


def test_refused_actions(board: TestClient, trained: Path) -> None:
    path, body = "/api/actions/tag", {"runs": [1], "add": ["x"]}
    assert board.post(path, json=body).status_code == 401
    assert board.post(path, json=body, headers=READER).status_code == 403
    assert board.get(path, headers=BEARER).status_code == 405
    form = BEARER | {"Content-Type": "text/plain"}
    assert board.post(path, content='{"runs": [1]}', headers=form).status_code == 415
    foreign = BEARER | {"Origin": "http://evil.example"}
    assert board.post(path, json=body, headers=foreign).status_code == 403
    bodies: tuple[object, ...] = (
        {},
        [],
        {"runs": [True]},
        {"runs": [1], "add": [""]},
        {"runs": [1], "add": "x"},
    )
    for bad in bodies:
        assert board.post(path, json=bad, headers=BEARER).status_code == 400
    large = {"runs": [1], "add": ["x" * 70_000]}
    assert board.post(path, json=large, headers=BEARER).status_code == 400
    assert _tags(trained, 1) == ()


def test_the_page_has_actions_only_for_the_private_token(board: TestClient) -> None:
    assert 'name="nnlab-actions" content="yes"' in board.get("/", headers=BEARER).text
    assert 'name="nnlab-actions" content=""' in board.get("/", headers=READER).text


def test_selected_runs_are_tagged_in_the_page(page: Page, trained: Path) -> None:
    reads = store.open_database(str(trained), write=False)
    writes = store.open_database(str(trained), write=True)
    context = BoardContext(reads, resolve_scope(reads, None))
    launched = launch_board(context, BoardOptions(), writable=writes)
    launched.server.start()
    page.goto(f"{launched.url}#runs=1-2")
    page.on("dialog", lambda dialog: dialog.accept("<i>good"))
    page.get_by_role("button", name="tag").click()
    expect(page.locator("#message")).to_have_text("2 tagged")
    assert _tags(trained, 2) == ("<i>good",)
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Change between light and dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.goto("about:blank")
    launched.server.stop()
    reads.close()
    writes.close()


def test_without_the_option_there_are_no_actions(trained: Path) -> None:
    database = store.open_database(str(trained), write=False)
    context = BoardContext(database, resolve_scope(database, None))
    client = TestClient(create_app(context, BoardAccess(TOKEN, 8080)), base_url=HOST)
    answer = client.post("/api/actions/tag", json={"runs": [1], "add": ["x"]}, headers=BEARER)
    assert answer.status_code == 404
    database.close()


def _tags(path: Path, run_id: int) -> tuple[str, ...]:
    database = store.open_database(str(path), write=False)
    (run,) = store.runs(database, run_ids=(run_id,))
    database.close()
    return run.tags
