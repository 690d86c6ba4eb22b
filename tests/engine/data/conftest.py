"""Writes, reads and splits small data sets."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nnlab.engine.data import dataset_facts
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.split_dataset import SplitDataset, read_and_split
from nnlab.settings import RunConfig, resolve

Arrange = Callable[..., SplitDataset]


@pytest.fixture
def read_and_split_data() -> Arrange:
    """Reads and splits the data set of some settings."""

    def make(data: str, **settings: object) -> SplitDataset:
        config = RunConfig(data=data, **settings)  # type: ignore[arg-type]
        return read_and_split(resolve(config, dataset_facts(data)))

    return make


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[[str], str]:
    """Writes a table with a target `y`, and gives its name as a data set."""

    def write(table: str) -> str:
        path = tmp_path / "points.csv"
        path.write_text(table, encoding="utf-8")
        return f"csv:{path}#y"

    return write


@pytest.fixture
def toy_dataset() -> Callable[[list[int]], Dataset]:
    """A classification with so many examples of each class, in order."""

    def make(counts: list[int], num_provided_test: int = 0, num_provided_val: int = 0) -> Dataset:
        targets = np.repeat(np.arange(len(counts)), counts)
        return Dataset(
            "toy",
            "classification",
            np.arange(len(targets) * 2, dtype=np.float64).reshape(-1, 2),
            targets,
            tuple(f"class {index}" for index in range(len(counts))),
            num_provided_test=num_provided_test,
            num_provided_val=num_provided_val,
        )

    return make
