"""`DataContract`: a data set has the declared properties, and is the same at every reading."""

from typing import ClassVar

import numpy as np

from nnlab.engine.data import dataset_facts, read_dataset
from nnlab.engine.data.split_dataset import read_and_split
from nnlab.testing.choices import ChoiceContract


class DataContract(ChoiceContract):
    """A data set of `--data`; set `choice` to its name."""

    kind: ClassVar[str] = "data"

    def test_it_has_the_declared_properties(self, name: str) -> None:
        """What settings are checked with, before the data is read, is true."""
        facts, dataset = dataset_facts(name), read_dataset(self.make_config(name))
        assert facts.task == dataset.task
        assert facts.version == dataset.version
        assert facts.own_test == (dataset.num_provided_test > 0)
        assert facts.own_val == (dataset.num_provided_val > 0)
        if facts.classes:
            assert facts.classes == dataset.classes

    def test_its_values_are_finite_and_its_classes_exist(self, name: str) -> None:
        """Examples and targets have the same length."""
        dataset = read_dataset(self.make_config(name))
        assert len(dataset) > 0
        assert np.isfinite(dataset.examples).all()
        if dataset.targets is None:
            return
        assert len(dataset.targets) == len(dataset)
        assert np.isfinite(dataset.targets).all()
        if dataset.task == "classification":
            assert set(np.unique(dataset.targets)) == set(range(len(dataset.classes)))

    def test_it_is_the_same_at_every_reading(self, name: str) -> None:
        """Data that change would make runs incomparable, and a resumed run another one."""
        config = self.make_config(name)
        assert read_and_split(config).fingerprint == read_and_split(config).fingerprint

    def test_its_splits_share_no_example(self, name: str) -> None:
        """Every row is in one of the splits."""
        split = read_and_split(self.make_config(name))
        rows = np.concatenate([split.rows.train, split.rows.val, split.rows.test])
        assert sorted(rows) == list(range(len(split.dataset)))
