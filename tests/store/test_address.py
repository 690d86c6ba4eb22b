"""What --db may say, and what it must not give away."""

from pathlib import Path

import pytest

from nnlab.errors import UsageError
from nnlab.store.address import parse


@pytest.mark.parametrize(
    ("target", "path", "artifacts"),
    [
        ("runs.db", "runs.db", "runs.artifacts"),
        ("lab/runs.db", "lab/runs.db", "lab/runs.artifacts"),
        ("sqlite:///lab/runs.db", "lab/runs.db", "lab/runs.artifacts"),
        ("sqlite:////tmp/runs.db", "/tmp/runs.db", "/tmp/runs.artifacts"),
        ("runs", "runs", "runs.artifacts"),
        ("lab.v1", "lab.v1", "lab.v1.artifacts"),
        ("a b%20?#.db", "a b%20?#.db", "a b%20?#.artifacts"),
    ],
)
def test_a_path_or_a_sqlite_url_names_a_file(target: str, path: str, artifacts: str) -> None:
    address = parse(target)
    assert address.path == Path(path)
    assert address.artifacts == Path(artifacts)
    assert address.url.get_backend_name() == "sqlite"
    assert address.shown == path


def test_two_versions_of_a_lab_do_not_share_their_artifacts() -> None:
    assert parse("lab.v1").artifacts != parse("lab.v2").artifacts


@pytest.mark.parametrize(
    "target",
    [
        "postgresql://ann:hunter2@host/lab",
        "postgresql+psycopg://ann:hunter2@host/lab",
        "mysql://ann:hunter2@host/lab",
        "sqlite://ann:hunter2@host/runs.db",
        "sqlite:///runs.db?password=hunter2",
        "://hunter2",
    ],
)
def test_other_urls_are_refused_without_a_word_of_their_password(target: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(target)
    assert "hunter2" not in caught.value.message
    assert caught.value.hint is not None
    assert "sqlite:///PATH" in caught.value.hint


def test_an_unsupported_kind_is_named() -> None:
    with pytest.raises(UsageError, match="databases of the kind 'postgresql' are not supported"):
        parse("postgresql://host/lab")


@pytest.mark.parametrize("target", ["", "  ", "runs\0.db", ":memory:", "sqlite://"])
def test_what_names_no_file_is_refused(target: str) -> None:
    with pytest.raises(UsageError):
        parse(target)
