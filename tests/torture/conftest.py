"""The study of the torture tests, trained once without interruptions for comparison."""

import sys
from pathlib import Path

import pytest
from torture.studies import STUDY, Outcome, finish, outcome

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def uninterrupted_results(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What the study comes to in one process that nobody disturbs."""
    folder = tmp_path_factory.mktemp("calm")
    finish(folder, *STUDY, "--devices", "cpu:1")
    return outcome(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder; what is printed goes beside it."""
    path = tmp_path / "work"
    path.mkdir()
    return path
