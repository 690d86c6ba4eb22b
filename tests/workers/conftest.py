"""Fixtures of the worker tests: a database for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nnlab import store


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Database]:
    database = store.open_database(str(tmp_path / "runs.db"), write=True, create=True)
    yield database
    database.close()
