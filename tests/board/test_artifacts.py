"""Files of runs are served by content, and only from the folder of the run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from nnlab import store
from nnlab.analysis.scope import resolve_scope
from nnlab.board.app import create_app
from nnlab.board.context import BoardContext
from nnlab.board.file_types import sniff_content_type

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def database(trained: Path) -> Iterator[store.Database]:
    database = store.open_database(str(trained), write=True)
    yield database
    database.close()


def _record(database: store.Database, run_id: int, kind: str, path: str) -> int:
    """Records a file as a hostile database does, and returns its id."""
    from sqlalchemy import insert

    from nnlab.store.tables import artifact

    row = {"run_id": run_id, "kind": kind, "path": path, "sha256": "0" * 64, "size": 1}
    with database.write() as connection:
        connection.execute(insert(artifact).values(created_at="2026-01-01T00:00:00+00:00", **row))
    return store.artifact_ids(database, run_id)[kind]


def test_files_are_served_by_content(database: store.Database, trained: Path) -> None:
    folder = database.address.artifacts / "1"
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"a.png": PNG, "page.html": b"<script>alert(1)</script>", "b.pt": b"\x80\0\1"}
    ids = {}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        ids[name] = _record(database, 1, f"file/{name}", f"1/{name}")
    client = TestClient(create_app(BoardContext(database, resolve_scope(database, ["1"]))))
    image = client.get(f"/artifacts/1/{ids['a.png']}")
    assert (image.headers["content-type"], image.content) == ("image/png", PNG)
    page = client.get(f"/artifacts/1/{ids['page.html']}")
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("sandbox")
    assert page.headers["x-content-type-options"] == "nosniff"
    weights = client.get(f"/artifacts/1/{ids['b.pt']}")
    assert weights.headers["content-type"] == "application/octet-stream"
    assert weights.headers["content-disposition"].startswith("attachment; filename*=UTF-8''b.pt")
    assert client.get(f"/artifacts/2/{ids['a.png']}").status_code == 404
    assert client.get("/artifacts/1/99999").status_code == 404


def test_files_elsewhere_are_refused(database: store.Database, trained: Path) -> None:
    folder = database.address.artifacts / "1"
    folder.mkdir(parents=True, exist_ok=True)
    secret = trained.parent / "secret.txt"
    secret.write_text("secret")
    (folder / "link.txt").symlink_to(secret)
    client = TestClient(create_app(BoardContext(database, resolve_scope(database, None))))
    for number, path in enumerate(
        ("../secret.txt", "1/../../secret.txt", str(secret), "1/link.txt", "2/x", "1", "1/\0")
    ):
        answer = client.get(f"/artifacts/1/{_record(database, 1, f'file/{number}', path)}")
        assert answer.status_code in (400, 404)
        assert "secret" not in answer.text.replace("secret.txt", "")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "text/plain; charset=utf-8"),
        (("é" * 4000).encode(), "text/plain; charset=utf-8"),
        (("x" + "é" * 4000).encode(), "text/plain; charset=utf-8"),
        (b"abc\xff\xfe" + b"d" * 100, "application/octet-stream"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\1\2\3\4WEBPVP8 ", "image/webp"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text/plain; charset=utf-8"),
    ],
)
def test_content_types(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert sniff_content_type(file) == expected
