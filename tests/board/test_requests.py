"""The limits of requests, and that the board only reads."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from nnlab import store
from nnlab.analysis.scope import resolve_scope
from nnlab.board import app
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.errors import DatabaseReadOnly

SLOW = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000)"
    " SELECT max(i) FROM n"
)


@pytest.fixture
def context(trained: Path) -> Iterator[BoardContext]:
    database = store.open_database(str(trained), write=False)
    yield BoardContext(database, resolve_scope(database, None))
    database.close()


def _with_endpoint(monkeypatch: pytest.MonkeyPatch, read: Any) -> None:
    monkeypatch.setattr(app, "endpoints", lambda: {"read": read})


def test_a_slow_query_ends_with_a_message(
    context: BoardContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(context: BoardContext, _: Parameters) -> Mapping[str, Any]:
        with context.db.read() as connection:
            return {"value": connection.execute(text(SLOW)).scalar_one()}

    _with_endpoint(monkeypatch, read)
    begin = time.monotonic()
    answer = TestClient(app.create_app(context, read_seconds=0.3)).get("/api/read")
    assert answer.status_code == 503
    assert "took too long" in answer.json()["error"]
    assert time.monotonic() - begin < 10


def test_numbers_that_json_lacks_are_null(
    context: BoardContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_endpoint(monkeypatch, lambda *_: {"values": [float("nan"), (float("inf"), 1.5)]})
    answer = TestClient(app.create_app(context)).get("/api/read")
    assert answer.json() == {"values": [None, [None, 1.5]]}


def test_large_answers_are_compressed(
    context: BoardContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_endpoint(monkeypatch, lambda *_: {"values": ["x" * 5000]})
    client = TestClient(app.create_app(context))
    assert client.get("/api/read").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in client.get("/api/version").headers


def test_an_unexpected_error_tells_nothing(
    context: BoardContext, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(*_: object) -> Mapping[str, Any]:
        raise RuntimeError("internal /path")

    _with_endpoint(monkeypatch, read)
    client = TestClient(app.create_app(context))
    answer = client.get("/api/read")
    assert answer.status_code == 500
    assert "internal" not in answer.text
    assert "internal /path" in capsys.readouterr().err
    assert client.get("/api/version").status_code == 200


def test_the_board_only_reads(context: BoardContext) -> None:
    with pytest.raises(DatabaseReadOnly):
        store.change_tags(context.db, [1], add=["x"])
    with pytest.raises(DatabaseReadOnly), context.db.read() as connection:
        connection.execute(text("DELETE FROM run"))


def test_the_board_of_a_run_shows_its_study_only(context: BoardContext) -> None:
    narrow = BoardContext(context.db, resolve_scope(context.db, ["1"]))
    assert TestClient(app.create_app(narrow)).get("/api/studies").json() == {
        "studies": [{"name": "opts"}]
    }
