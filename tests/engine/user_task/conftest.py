"""Writes the files of user tasks."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes the file `task.py` in the working directory, which is a temporary one."""
    monkeypatch.chdir(tmp_path)

    def write(source: str) -> None:
        (tmp_path / "task.py").write_text(source)

    return write
