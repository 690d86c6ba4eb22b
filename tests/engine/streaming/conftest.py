"""Fixtures of the tests of streamed data."""

from pathlib import Path

import pytest
from streamed_examples import write_user_file


@pytest.fixture(autouse=True)
def user_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with a user's file of data sets."""
    monkeypatch.chdir(tmp_path)
    write_user_file(tmp_path)
