"""A database with a study, for the tools that read."""

from pathlib import Path

import pytest

import nnlab


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the study `rates`: two rates, four seeds."""
    path = tmp_path_factory.mktemp("results") / "runs.db"
    nnlab.train(
        study="rates", question="which rate?", data="iris", width=8, depth=1, epochs=6,
        lr=[0.0001, 0.03], opt="adam", seeds=4, db=path,
    )  # fmt: skip
    return path
