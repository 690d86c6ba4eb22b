"""Secrets in URLs, commands and diffs: what is masked, and what must not be."""

import sqlite3
import subprocess
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab.errors import UsageError
from nnlab.io.redaction import mask_command, mask_diff, mask_secrets, mask_url
from nnlab.store.address import parse_address


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://ann:secret@h/d", "postgresql://ann:***@h/d"),
        ("postgresql://ann:se/cret@h/d", "postgresql://ann:***@h/d"),
        ("postgresql://ann:sec@ret@h/d", "postgresql://ann:***@h/d"),
        ("postgresql://ann:se?c#ret@h/d", "postgresql://ann:***@h/d"),
        ("postgresql://ann:se cr'et@h/d", "postgresql://ann:***@h/d"),
        ("postgres:/ann:secret@h/d", "postgres:/ann:***@h/d"),
        ("postgresql://h:5432/d?password=sec@ret", "postgresql://h:5432/d?password=***"),
        ("postgresql://ann@h/d?sslpassword=secret&sslmode=x",
         "postgresql://ann@h/d?sslpassword=***&sslmode=x"),
        ("postgresql://h/d?pass%77ord=secret", "postgresql://h/d?pass%77ord=***"),
        ("s3://KEY:sec/ret@bucket/runs", "s3://KEY:***@bucket/runs"),
        ("https://secret@example.org/x", "https://***@example.org/x"),
        ("https://h/x?X-Amz-Signature=secret&a=1", "https://h/x?X-Amz-Signature=***&a=1"),
    ],
)  # fmt: skip
def test_the_password_of_a_url_is_masked(url: str, masked: str) -> None:
    assert mask_url(url) == masked
    assert "secret" not in mask_command(["nnlab", "ls", "--db", url])
    assert "secret" not in mask_command(["nnlab", "ls", f"--db={url}"])


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ann@h:5432/d?schema=x&sslkey=/home/ann/key.pem",
        "https://example.org:8080/a@v1",
        "s3://bucket/a:b@c",
        "run 3: ValueError: token_ids=5 and tokens=7, key=3",
        "model.py, line 3, in forward: RuntimeError: mat1 and mat2 shapes cannot be multiplied",
    ],
)
def test_what_is_no_secret_is_kept(text: str) -> None:
    assert mask_secrets(text) == text


@pytest.mark.parametrize(
    "line",
    [
        "+API_KEY=secret",
        "+export AWS_SECRET_ACCESS_KEY=secret(x",
        "-    password = 'secret'",
        '     "api_key": "secret",',
        "+hf_token: secret",
        "+url = 'postgresql://ann:secret@h/d'",
        "+headers = {'Authorization': 'Bearer secret-secret'}",
        "+login('hf_secretsecretsecret')",
        "+connect(user='ann', password='secret')",
        "+connect(password=read(), token='secret')",
    ],
)
def test_a_line_of_a_diff_that_holds_a_secret_is_masked(line: str) -> None:
    masked = mask_diff(f"+before\n{line}\n+after")
    assert "secret'" not in masked.lower().replace("aws_secret", "")
    assert "***" in masked
    assert masked.startswith("+before\n")
    assert masked.endswith("\n+after")
    assert masked.splitlines()[1][0] == line[0]


def test_a_private_key_in_a_diff_is_masked() -> None:
    key = "+-----BEGIN RSA PRIVATE KEY-----\n+MIIabc\n+defg\n+-----END RSA PRIVATE KEY-----\n+x = 1"
    masked = mask_diff(key)
    assert "MIIabc" not in masked
    assert "defg" not in masked
    assert masked.endswith("\n+x = 1")


@pytest.mark.parametrize(
    "line",
    [
        "+    password = getpass()",
        "+token_ids = tokenizer('a')",
        "+tokens = 5",
        "+key = self.key(x)",
        "+def login(password: str, token=None):",
        "+keys = {'q': 1}",
    ],
)
def test_code_without_a_secret_is_kept_in_a_diff(line: str) -> None:
    assert mask_diff(line) == line


@pytest.mark.parametrize(
    "target",
    [
        "postgresql://ann:p@hunter2@h/d",
        "postgresql://h:5432/d?password=p@hunter2",
        "postgresql:/ann:hunter2@h/d",
    ],
)
def test_a_url_whose_password_is_split_is_refused_without_showing_it(target: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(target)
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("name", ["oauth_client_secret", "sslpassword"])
def test_no_secret_of_the_url_goes_into_a_jobs_script(name: str) -> None:
    with pytest.raises(UsageError, match="holds a password"):
        assert parse_address(f"postgresql://ann@h/lab?{name}=hunter2").portable_target


def _stored(folder: Path) -> str:
    with sqlite3.connect(folder / "runs.db") as connection:
        rows = connection.execute("SELECT command FROM attempt").fetchall()
        rows += connection.execute("SELECT git_diff FROM environment").fetchall()
    connection.close()
    return repr(rows)


def test_no_secret_of_a_command_is_stored(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train", *QUICK, "-q", "--notify", "echo https://example.org/T0/hunter2 > /dev/null"]
    monkeypatch.setattr("sys.argv", ["nnlab", *words, "--db=postgresql://ann:hun@ter2@h/d"])
    nnlab(*words)
    assert "hunter2" not in _stored(folder)
    assert "ter2" not in _stored(folder)
    assert (
        "--notify '***'" in nnlab("show", "1", "--format", "json").json[0]["attempts"][0]["command"]
    )


@pytest.fixture
def checkout(folder: Path) -> Path:
    """A git checkout with a change that holds a secret and one that does not."""
    from nnlab.provenance import environment as provenance

    def git(*words: str) -> None:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        subprocess.run(command, check=True, capture_output=True)

    git("init", "-q")
    (folder / ".env").write_text("API_KEY=\nLR=1\n")
    git("add", ".env")
    git("commit", "-qm", "one")
    (folder / ".env").write_text("API_KEY=hunter2\nLR=2\n")
    provenance._working_directory_git_state.cache_clear()
    return folder


def test_no_secret_of_a_diff_is_stored(nnlab: Nnlab, checkout: Path) -> None:
    nnlab("train", *QUICK, "-q")
    assert "hunter2" not in _stored(checkout)
    assert "+API_KEY=***" in _stored(checkout)
    assert "+LR=2" in _stored(checkout)


@pytest.mark.parametrize("by_variable", [False, True])
def test_no_diff_is_stored_where_none_is_wanted(
    nnlab: Nnlab, checkout: Path, monkeypatch: pytest.MonkeyPatch, by_variable: bool
) -> None:
    if by_variable:
        monkeypatch.setenv("NNLAB_NO_GIT_DIFF", "1")
    nnlab("train", *QUICK, "-q", *([] if by_variable else ["--no-git-diff"]))
    environment = nnlab("show", "1", "--format", "json").json[0]["attempts"][0]["environment"]
    assert environment["git_diff"] is None
    assert environment["git_dirty"] is True


def test_secrets_that_an_earlier_version_stored_are_not_shown(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    with sqlite3.connect(folder / "runs.db") as connection:
        connection.execute("UPDATE attempt SET command = 'nnlab train --db x://a:hunt/er2@h/d'")
        connection.execute("UPDATE environment SET git_diff = '+API_KEY=hunt/er2'")
    connection.close()
    for words in (("show", "1"), ("show", "1", "--format", "json")):
        assert "er2" not in nnlab(*words).out
    nnlab("report", "-o", "report.html")
    assert "er2@" not in (folder / "report.html").read_text()
