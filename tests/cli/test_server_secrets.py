"""A server with a password and TLS: the secrets are read from the right places and never shown."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import psycopg
import pytest
from command_line_runner import QUICK, Nnlab

SECRET = "hunter2"
HBA = "hostssl all ann 127.0.0.1/32 scram-sha-256\nhost all ann 127.0.0.1/32 reject\n"


@pytest.fixture(scope="module")
def password_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres_server.Server]:
    """A server that lets ann in by TLS and with her password alone."""
    if why := postgres_server.why_not() or postgres_server.why_none_of_our_own():
        pytest.skip(why)
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificate can be made")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-new", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", "key", "-out", "cert"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    with postgres_server.server() as started_server:
        with psycopg.connect(
            started_server.url.replace("+psycopg", ""), autocommit=True
        ) as connection:
            connection.execute(f"CREATE ROLE ann LOGIN PASSWORD '{SECRET}'")
            connection.execute("CREATE DATABASE results OWNER ann")
        started_server.put("server.key", (folder / "key").read_bytes())
        started_server.put("server.crt", (folder / "cert").read_bytes())
        started_server.put("postgresql.conf", "ssl = on\n", first=True)
        started_server.put("pg_hba.conf", HBA, first=True)
        started_server.restart()
        (started_server.folder / "cert").write_bytes((folder / "cert").read_bytes())
        yield started_server


@pytest.fixture
def url(password_server: postgres_server.Server, tmp_path: Path) -> str:
    """Without a password."""
    return f"postgresql+psycopg://ann@localhost:{password_server.port}/results?hostaddr=127.0.0.1"


def test_without_the_password_nobody_comes_in(nnlab: Nnlab, url: str) -> None:
    answer = nnlab("train", *QUICK, "-q", "--db", url, expect=1)
    assert "no password supplied" in answer.err
    wrong = url.replace("ann@", "ann:wrong@") + "&sslmode=require"
    answer = nnlab("train", *QUICK, "-q", "--db", wrong, expect=1)
    assert "password authentication failed" in answer.err
    assert "wrong" not in answer.err


def test_a_password_comes_from_libpqs_variable_or_its_file(
    nnlab: Nnlab, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    nnlab("train", *QUICK, "-q", "--db", f"{url}&schema=by_variable")
    monkeypatch.delenv("PGPASSWORD")
    passes = folder / "pgpass"
    passes.write_text(f"*:*:results:ann:{SECRET}\n")
    passes.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passes))
    monkeypatch.setenv("NNLAB_DB", f"{url}&schema=by_file")
    nnlab("train", *QUICK, "-q")
    assert "finished" in nnlab("ls").out


def test_tls_is_what_the_url_says(
    nnlab: Nnlab, url: str, password_server: postgres_server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    answer = nnlab("train", *QUICK, "--db", f"{url}&sslmode=disable", expect=1)
    assert "pg_hba.conf rejects connection" in answer.err
    checked = f"{url}&sslmode=verify-full&sslrootcert={password_server.folder / 'cert'}&schema=tls"
    nnlab("train", *QUICK, "-q", "--db", checked)
    other = checked.replace("@localhost", "@another.example")
    assert "does not match host name" in nnlab("ls", "--db", other, expect=1).err


def test_a_password_in_the_url_is_shown_and_kept_nowhere(
    nnlab: Nnlab, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_it = url.replace("ann@", f"ann:{SECRET}@") + "&schema=secret"
    monkeypatch.setattr("sys.argv", ["nnlab", "train", "--db", with_it])
    result = nnlab("train", *QUICK, "--seeds", "2", "--db", with_it)
    for words in (
        ("ls",), ("show", "1"), ("show", "1", "--format", "json"), ("compare",), ("studies",),
        ("db", "status"), ("db", "check"), ("diagnose", "1"),
        ("plot", "curves", "-o", "curves.png", "-o", "curves.pdf", "-o", "curves.svg"),
        ("report", "-o", "report.html"), ("report", "-o", "report.tex"),
        ("report", "--reproduce", "again"),
        ("db", "copy", with_it, "copy.db"),
    ):  # fmt: skip
        where = () if "copy" in words else ("--db", with_it)
        answer = nnlab(*words, *where)
        assert SECRET not in answer.out + answer.err, words
    assert SECRET not in result.out + result.err
    for path in folder.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    connection = sqlite3.connect("copy.db")
    (command,) = connection.execute("SELECT DISTINCT command FROM attempt").fetchone()
    connection.close()
    assert "ann:***@localhost" in command
