"""Fixtures of the tests of recording."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import nnlab
from nnlab.tracking import notes


@pytest.fixture(autouse=True)
def no_active_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test begins and ends without an active run, and notes are shown again."""
    for name in ("RANK", "LOCAL_RANK", "NNLAB_RUN", "NNLAB_MODE", "NNLAB_STUDY", "NNLAB_STOP_ON"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NNLAB_NO_GIT_DIFF", "1")
    notes._shown.clear()
    yield
    while nnlab.run is not None:
        nnlab.finish()


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a new database, which is also that of NNLAB_DB, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NNLAB_DB", str(tmp_path / "r.db"))
    return str(tmp_path / "r.db")
