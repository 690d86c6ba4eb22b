"""The data sets of scikit-learn, compared to scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from nnlab.engine.data import builtin, dataset_facts, read_dataset
from nnlab.settings import RunConfig


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast-cancer", "diabetes"])
def test_built_in_sets_are_scikit_learns(name: str) -> None:
    loader = getattr(datasets, f"load_{name.replace('-', '_')}")
    bunch = loader(scaled=False) if name == "diabetes" else loader()
    ours = read_dataset(RunConfig(data=name))
    assert np.array_equal(ours.examples.reshape(len(bunch.data), -1), bunch.data)
    assert np.array_equal(ours.target_array, bunch.target)
    if ours.task == "classification":
        assert ours.classes == tuple(str(c) for c in bunch.target_names)
    assert dataset_facts(name).classes == ours.classes
    if ours.columns:
        assert [column.name for column in ours.columns] == list(bunch.feature_names)


def test_a_release_that_moved_its_files_is_asked_instead(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    direct = read_dataset(RunConfig(data="iris"))
    monkeypatch.setattr(builtin, "_sklearn_data_folder", lambda: tmp_path)
    loaded = read_dataset(RunConfig(data="iris"))
    assert np.array_equal(loaded.examples, direct.examples)
    assert np.array_equal(loaded.target_array, direct.target_array)


def test_the_fingerprint_of_a_set_stays(read_and_split_data) -> None:  # type: ignore[no-untyped-def]
    """Runs of earlier releases were stored with these."""
    assert read_and_split_data("digits").fingerprint == "c92cc12ecf9e433e"
    assert read_and_split_data("iris").fingerprint == "27fb83c13a03aa82"
    assert read_and_split_data("diabetes").fingerprint == "507c5310db5c23f2"
