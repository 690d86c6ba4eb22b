"""Every data set of the catalogue has a reader, and its facts are known without reading it."""

import subprocess
import sys

import numpy as np
import pytest

from nnlab.catalogue import choice_names, find_choice
from nnlab.catalogue.data import PUBLISHED, STREAMED_DATA
from nnlab.catalogue.tasks import DEFINED_BY_TASK
from nnlab.engine.data import BUILTIN, GENERATED, USER_DATA_MODULES, dataset_facts
from nnlab.engine.data.class_names import CLASS_NAMES
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.split import SplitRows
from nnlab.engine.data.split_dataset import SplitDataset, read_and_split
from nnlab.engine.data.summary import summarise_dataset
from nnlab.settings import RunConfig


def test_rows_and_readers_have_the_same_names() -> None:
    readers = {*BUILTIN, *GENERATED, *PUBLISHED, *STREAMED_DATA, *USER_DATA_MODULES}
    assert set(choice_names("data")) == {*readers, DEFINED_BY_TASK}


def test_classes_are_known_of_all_classifications_but_the_largest() -> None:
    names = {*BUILTIN, *GENERATED, *PUBLISHED}
    without_classes = ("regression", "language_modeling")
    classified = {name for name in names if dataset_facts(name).task not in without_classes}
    assert set(CLASS_NAMES) == classified - {"cifar100"}


def test_facts_of_what_is_in_the_catalogue_read_nothing() -> None:
    code = (
        "import sys\nfrom nnlab.engine.data import dataset_facts\n"
        f"for name in {(*BUILTIN, *GENERATED, *PUBLISHED)}:\n    dataset_facts(name)\n"
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["own.py:make", "package.module:make", "csv:a.csv", "mnist:/a"])
def test_names_with_an_argument_find_their_row(name: str) -> None:
    rows = {"own.py:make": "module:", "package.module:make": "module:", "csv:a.csv": "csv:"}
    assert find_choice("data", name).name == rows.get(name, "mnist")


def test_a_summary_measures_the_training_split_per_channel() -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 9, (30, 3, 4, 4)).astype(np.uint8)
    pixels[:, 1] = 7
    dataset = Dataset(
        "x", "classification", pixels, np.arange(30) % 2, ("a", "b"), num_provided_test=10
    )
    rows = SplitRows(np.arange(15), np.arange(15, 20), np.arange(20, 30))
    summary = summarise_dataset(SplitDataset(dataset, rows))
    assert [feature.name for feature in summary.features] == ["red", "green", "blue"]
    assert [feature.constant for feature in summary.features] == [False, True, False]
    assert summary.features[0].mean == pytest.approx(pixels[:15, 0].mean())
    assert summary.features[2].sd == pytest.approx(pixels[:15, 2].std())
    assert summary.counts == {
        "a": {"train": 8, "val": 2, "test": 5},
        "b": {"train": 7, "val": 3, "test": 5},
    }
    assert summary.provided_splits == ("test",)


def test_a_summary_of_a_regression_measures_its_targets() -> None:
    config = RunConfig(data="diabetes", test_fraction=0.15)
    split = read_and_split(config)
    summary = summarise_dataset(split)
    targets = split.dataset.target_array[split.rows.val]
    assert summary.targets[1].split == "val"
    assert summary.targets[1].mean == pytest.approx(targets.mean())
    assert summary.targets[1].high == targets.max()
    assert summary.counts == {}
