"""Fixtures of the store tests: a database in a file or on a server, and other processes."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from store.store_fixtures import StoreHarness, make_harness


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that uses the harness with each kind of database, unless it is about the file."""
    if "harness" in metafunc.fixturenames:
        marked = metafunc.definition.get_closest_marker("file")
        about_the_file = marked or {"path", "empty_harness"} & set(metafunc.fixturenames)
        kinds = ["file"] if about_the_file else ["file", "server", "by post"]
        metafunc.parametrize("harness", kinds, indirect=True)


@pytest.fixture
def harness(request: pytest.FixtureRequest) -> Iterator[StoreHarness]:
    """A database in a file, on a server, or in a file that another process has open."""
    location = "server_url" if request.param == "server" else "path"
    new_harness = make_harness(
        request.getfixturevalue(location), by_post=request.param == "by post"
    )
    yield new_harness
    new_harness.db.close()


@pytest.fixture(scope="session")
def empty_harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database without runs, to be copied where a test needs many."""
    path = tmp_path_factory.mktemp("empty") / "runs.db"
    make_harness(path).db.close()
    return path


@pytest.fixture
def python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python processes that run a piece of code with arguments; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()
