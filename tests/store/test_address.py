"""Database addresses: accepted forms, and no secret in messages."""

from pathlib import Path

import pytest

from nnlab.errors import UsageError
from nnlab.store.address import FileAddress, ServerAddress, parse_address


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
    address = parse_address(target)
    assert isinstance(address, FileAddress)
    assert address.path == Path(path)
    assert address.artifacts == Path(artifacts)
    assert address.url.get_backend_name() == "sqlite"
    assert address.display_name == path


def test_two_versions_of_a_lab_do_not_share_their_artifacts() -> None:
    assert parse_address("lab.v1").artifacts != parse_address("lab.v2").artifacts


@pytest.mark.parametrize(
    "target",
    [
        "postgresql+pg8000://ann:hunter2@host/lab",
        "mysql://ann:hunter2@host/lab",
        "sqlite://ann:hunter2@host/runs.db",
        "sqlite:///runs.db?password=hunter2",
        "://hunter2",
    ],
)
def test_other_urls_are_refused_without_a_word_of_their_password(target: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(target)
    assert "hunter2" not in caught.value.message
    assert caught.value.hint is not None
    assert "sqlite:///PATH" in caught.value.hint


def test_an_unsupported_kind_is_named() -> None:
    with pytest.raises(UsageError, match="databases of the kind 'mysql' are not supported"):
        parse_address("mysql://host/lab")


@pytest.mark.parametrize(
    ("target", "shown", "schema", "options"),
    [
        (
            "postgresql+psycopg://ann:hunter2@db.example:5433/lab?sslmode=require",
            "postgresql://ann@db.example:5433/lab",
            "nnlab",
            {"host": "db.example", "port": "5433", "user": "ann", "password": "hunter2",
             "dbname": "lab", "sslmode": "require"},
        ),
        ("postgresql://", "postgresql://", "nnlab", {}),
        (
            "postgres:///lab?schema=ann&host=/run/postgresql",
            "postgresql:///lab (schema ann)",
            "ann",
            {"dbname": "lab", "host": "/run/postgresql"},
        ),
    ],
)  # fmt: skip
def test_a_server_is_named_as_libpq_names_it(
    target: str, shown: str, schema: str, options: dict[str, str]
) -> None:
    address = parse_address(target)
    assert isinstance(address, ServerAddress)
    assert (address.display_name, address.schema) == (shown, schema)
    assert address.options == options
    assert "hunter2" not in repr(address)


def test_artifacts_of_a_server_lie_where_its_url_says() -> None:
    assert parse_address("postgresql://h/lab").artifacts == Path("lab-nnlab.artifacts")
    assert parse_address("postgresql://h/..%2Flab").artifacts.parent == Path()
    assert parse_address("postgresql://h/lab?artifacts=/shared/lab").artifacts == Path(
        "/shared/lab"
    )


def test_what_others_may_read_names_the_place_without_a_password() -> None:
    elsewhere = parse_address("postgresql://ann@h/lab?artifacts=files").portable_target
    assert parse_address(elsewhere).artifacts == Path("files").absolute()
    assert parse_address(elsewhere).display_name == "postgresql://ann@h/lab"
    assert parse_address("runs.db").portable_target == str(Path("runs.db").absolute())
    with pytest.raises(UsageError, match="only a folder can be named there"):
        parse_address("postgresql://ann@lab/results?artifacts=s3://lab/runs")
    for secret in ("postgresql://ann:hunter2@h/lab", "postgresql://ann@h/lab?password=hunter2"):
        with pytest.raises(UsageError, match="holds a password") as caught:
            assert parse_address(secret).portable_target
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("schema", ["a b", "a;drop", "pg_x", "x" * 64])
def test_a_schema_has_a_plain_name(schema: str) -> None:
    with pytest.raises(UsageError, match="names the schema"):
        parse_address(f"postgresql://h/lab?schema={schema}")


@pytest.mark.parametrize("target", ["", "  ", "runs\0.db", ":memory:", "sqlite://"])
def test_what_names_no_file_is_refused(target: str) -> None:
    with pytest.raises(UsageError):
        parse_address(target)
