"""Who may read the board: hosts, origins, tokens, and the headers that browsers obey."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from board.access_rules import BEARER, HOST, READ_TOKEN, READER, TOKEN
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from nnlab import store
from nnlab.analysis.scope import resolve_scope
from nnlab.board.access import BoardAccess, host_name
from nnlab.board.app import create_app
from nnlab.board.context import BoardContext


@pytest.fixture
def context(trained: Path) -> Iterator[BoardContext]:
    database = store.open_database(str(trained), write=False, create=False)
    yield BoardContext(database, resolve_scope(database, None))
    database.close()


def client(context: BoardContext, base: str = HOST, **access: Any) -> TestClient:
    rules = BoardAccess(token=TOKEN, port=8080, read_token=READ_TOKEN, **access)
    return TestClient(create_app(context, rules), base_url=base, follow_redirects=False)


def test_everything_needs_the_token(context: BoardContext) -> None:
    board = client(context)
    for path in ("/", "/api/studies", "/api/events", "/api/version", "/assets/board/main.js"):
        answer = board.get(path)
        assert answer.status_code == 401
        assert "opts" not in answer.text
        assert "nnlab board" in answer.text
        assert board.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert board.get("/?token=wrong").status_code == 401
    assert board.get("/api/studies", headers=BEARER).json() == {"studies": [{"name": "opts"}]}
    assert board.get("/api/studies", headers=READER).status_code == 200


def test_the_token_of_the_address_becomes_a_cookie(context: BoardContext) -> None:
    board = client(context)
    answer = board.get(f"/?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"nnlab_board_8080={TOKEN};")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert board.get("/").status_code == 200
    assert board.get("/api/studies").status_code == 200


def test_after_a_link_of_another_page_the_page_comes_without_a_redirect(
    context: BoardContext,
) -> None:
    board = client(context)
    answer = board.get(f"/?token={TOKEN}", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert answer.headers["set-cookie"].startswith(f"nnlab_board_8080={TOKEN};")
    assert TOKEN not in answer.text


def test_only_known_hosts_are_answered(context: BoardContext) -> None:
    board = client(context, hosts=frozenset({"lab.example"}))
    known = ("127.0.0.1", "localhost:1", "LOCALHOST.", "[::1]:80", "lab.example:443")
    foreign = (
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "",
        "[::1",
        "::1",
    )
    for host in known:
        assert board.get("/api/studies", headers=BEARER | {"Host": host}).status_code == 200
    for host in foreign:
        assert board.get("/api/studies", headers=BEARER | {"Host": host}).status_code == 421


def test_requests_of_other_pages_are_refused(context: BoardContext) -> None:
    board = client(context, hosts=frozenset({"lab.example"}))
    for origin in (HOST, "https://lab.example"):
        assert board.get("/api/studies", headers=BEARER | {"Origin": origin}).status_code == 200
    for origin in (
        "http://127.0.0.1:9999", "http://evil.example", "null", "file://", "http://[::1",
    ):  # fmt: skip
        assert board.get("/api/studies", headers=BEARER | {"Origin": origin}).status_code == 403
    for site, status in (("same-origin", 200), ("same-site", 403), ("cross-site", 403)):
        headers = BEARER | {"Sec-Fetch-Site": site}
        assert board.get("/api/studies", headers=headers).status_code == status


def test_headers_of_every_answer(context: BoardContext) -> None:
    board = client(context)
    for path, authorization in (
        ("/", BEARER),
        ("/", {}),
        ("/api/studies", BEARER),
        ("/no", BEARER),
    ):
        headers = board.get(path, headers=authorization).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert policy.endswith("frame-ancestors 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
    framed = client(context, in_frames=True).get("/", headers=BEARER)
    assert "frame-ancestors 'self' http://localhost:*" in framed.headers["content-security-policy"]


def test_an_asset_is_fetched_once(context: BoardContext) -> None:
    board = client(context)
    first = board.get("/assets/board/main.js", headers=BEARER)
    again = board.get(
        "/assets/board/main.js", headers=BEARER | {"If-None-Match": first.headers["etag"]}
    )
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    for path in ("board/page.html", "../errors.py", "board/..%2f..%2ferrors.py", "board"):
        assert board.get(f"/assets/{path}", headers=BEARER).status_code == 404


def test_a_prefix_works_whether_or_not_the_proxy_removes_it(context: BoardContext) -> None:
    board = client(context, prefix="/lab")
    for path in ("/lab/api/studies", "/api/studies"):
        assert board.get(path, headers=BEARER).status_code == 200
    assert board.get("/lab", headers=BEARER).headers["location"] == "/lab/"
    answer = board.get(f"/lab/?token={TOKEN}")
    assert answer.headers["location"] == "/lab/"
    assert "Path=/lab/" in answer.headers["set-cookie"]
    assert board.get("/labels", headers=BEARER).status_code == 404


def test_a_long_query_is_refused(context: BoardContext) -> None:
    answer = client(context).get(f"/api/studies?study={'x' * 20_000}", headers=BEARER)
    assert answer.status_code == 414


@given(st.text(alphabet="a1:.[]@/-_\\ %é\r", max_size=20))
def test_a_malformed_host_has_no_name(header: str) -> None:
    name = host_name(header)
    if name is not None:
        assert not set(name) & set("[]@/\\ %\r\n")
        assert host_name(name if ":" not in name else f"[{name}]") == name


@given(st.integers(0, 65535), st.sampled_from(["localhost", "[::1]", "lab.example", "127.0.0.1"]))
def test_the_port_is_not_part_of_the_name(port: int, host: str) -> None:
    assert host_name(f"{host}:{port}") == host_name(host.upper()) == host.strip("[]")
