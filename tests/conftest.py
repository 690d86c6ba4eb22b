"""Fixtures of all tests."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import postgres_server
import pytest
from browser_pages import browser, page
from command_line_runner import QUICK, Answer, Nnlab
from hypothesis import settings
from installed_plugins import Install, forget_plugins

from nnlab.cli.main import main
from nnlab.engine.data import dataset_facts
from nnlab.settings import RunConfig, resolve
from nnlab.testing.launcher_runs import StoredPoints, undisturbed_points

__all__ = ["browser", "page"]

Make = Callable[..., RunConfig]

# The same examples in every run: tests are deterministic.
settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The cache folder of the tests: downloads and measurements."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, cache_folder: str) -> None:
    """Removes the variables of this machine that would change the results of tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", cache_folder)
    # One run at a time, in this process: tests that need more set it themselves.
    monkeypatch.setenv("NNLAB_DEVICES", "cpu:1")
    for name in (
        "NNLAB_DB", "NNLAB_ARTIFACTS", "NNLAB_DEBUG", "RAY_ADDRESS", "COLUMNS", "NO_COLOR",
        "FORCE_COLOR", "PY_COLORS",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    os.environ.pop("GITHUB_ACTIONS", None)


@pytest.fixture(scope="session")
def uninterrupted_results() -> StoredPoints:
    """The results of the study of the launchers' contract, trained without interruptions."""
    return undisturbed_points()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server: the one that was named, or one of the tests' own."""
    if why := postgres_server.why_not():
        pytest.skip(why)
    if named := os.environ.get(postgres_server.VARIABLE):
        yield named
    else:
        with postgres_server.server() as started_server:
            yield started_server.url


@pytest.fixture
def server_url(postgres: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a schema that is dropped after the test, with the files of its runs."""
    url = f"{next(postgres_server.schemas(postgres))}&artifacts={tmp_path / 'files'}"
    yield url
    postgres_server.drop(url)


@pytest.fixture
def config() -> Make:
    """Makes a resolved config: iris, one small layer, five epochs, unless told otherwise."""

    def make(**settings: object) -> RunConfig:
        small = {"data": "iris", "epochs": 5, "batch_size": 16, "device": "cpu"}
        if settings.get("model", "mlp") == "mlp" and "widths" not in settings:
            small |= {"width": 8, "depth": 1}
        if settings.get("opt") in ("lbfgs", "newton-cg"):
            del small["batch_size"]  # they want all examples at once
        chosen = RunConfig(**(small | settings))  # type: ignore[arg-type]
        return resolve(chosen, dataset_facts(chosen.data))

    return make


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a folder with installed packages on the search path, of this process and of others."""

    def add(folder: Path) -> None:
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setenv("PYTHONPATH", str(folder))

    forget_plugins(monkeypatch)
    yield add
    forget_plugins(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the working one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def nnlab(folder: Path, capsys: pytest.CaptureFixture[str]) -> Nnlab:
    """Runs a command line in this process, in an empty folder."""

    def run(*words: str, expect: int | None = 0) -> Answer:
        capsys.readouterr()
        code = main(words)
        captured = capsys.readouterr()
        answer = Answer(code, captured.out, captured.err)
        if expect is not None:
            assert code == expect, f"{words}: exit {code}\n{answer.out}\n{answer.err}"
        return answer

    return run


@pytest.fixture
def trained(nnlab: Nnlab) -> Nnlab:
    """The same, with two trials of two seeds trained."""
    nnlab("train", *QUICK, "--opt", "sgd,adam", "--seeds", "2", "-q")
    return nnlab
