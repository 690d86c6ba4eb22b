"""Fewer classes, fewer examples, wrong labels."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnlab.engine.data import dataset_facts
from nnlab.engine.data.corruption import add_label_noise, keep_classes, subsample_train_rows
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.split_dataset import SplitDataset
from nnlab.errors import ConfigError, DataError
from nnlab.settings import DataFacts, RunConfig, resolve
from nnlab.settings.class_selection import class_indices

Toy = Callable[..., Dataset]
Arrange = Callable[..., SplitDataset]
ONE_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = ("T-shirt/top", "Trouser", "Dress", "7", "Bag")


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("0-2", (0, 1, 2)),
        ("4+0", (0, 4)),
        ("0+2-4", (0, 2, 3, 4)),
        ("Bag+T-shirt/top", (0, 4)),
        ("7+0", (0, 3)),  # a name goes before a place
        ("1+1+2", (1, 2)),
    ],
)
def test_classes_are_named_by_place_span_or_name(text: str, places: tuple[int, ...]) -> None:
    assert class_indices(text, NAMES) == places


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0-9", "unknown class '9'"),
        ("Bags+0", "did you mean 'Bag'"),
        ("1", "at least two classes are needed, got 1"),
        ("3-1", "at least two classes are needed, got 0"),
        ("", "unknown class ''"),
    ],
)
def test_what_names_no_class_is_told(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        class_indices(text, NAMES)


def test_a_wrong_class_is_a_conflict_of_the_setting() -> None:
    with pytest.raises(ConfigError, match="--classes 0-7: unknown class '7'"):
        resolve(RunConfig(data="iris", classes="0-7"), dataset_facts("iris"))
    with pytest.raises(ConfigError, match="--classes needs classes; diabetes is a regression"):
        resolve(RunConfig(data="diabetes", classes="0-7"), dataset_facts("diabetes"))


def test_a_fraction_of_a_split_that_the_set_brings_is_a_conflict() -> None:
    own = DataFacts("classification", own_test=True, own_val=True)
    with pytest.raises(ConfigError) as caught:
        resolve(RunConfig(test_fraction=0.2, val_fraction=0.2), own)
    assert len(caught.value.problems) == 2
    assert resolve(RunConfig(), own).test_fraction is None


def test_some_classes_are_relabelled_and_keep_their_names(toy_dataset: Toy) -> None:
    dataset = toy_dataset([3, 4, 5, 6], num_provided_test=8, num_provided_val=5)
    some = keep_classes(dataset, "1+3")
    assert some.classes == ("class 1", "class 3")
    assert some.target_array.tolist() == [0] * 4 + [1] * 6
    assert np.array_equal(some.examples, dataset.examples[[3, 4, 5, 6, *range(12, 18)]])
    assert (some.num_provided_test, some.num_provided_val) == (6, 2)  # rows 12 to 17, and 5 and 6


def test_classes_reach_the_read_set(read_and_split_data: Arrange) -> None:
    dataset = read_and_split_data("iris", classes="setosa+virginica").dataset
    assert dataset.classes == ("setosa", "virginica")
    assert len(dataset.target_array) == 100


@ONE_FIXTURE
@given(
    counts=st.lists(st.integers(5, 40), min_size=2, max_size=5),
    sizes=st.tuples(st.integers(2, 10), st.integers(0, 10)),
    seed=st.integers(0, 3),
)
def test_a_smaller_training_split_lies_inside_a_larger_one(
    toy_dataset: Toy, counts: list[int], sizes: tuple[int, int], seed: int
) -> None:
    dataset = toy_dataset(counts)
    rows = np.flatnonzero(np.arange(sum(counts)) % 7)  # some training rows
    small, large = min(sizes[0], len(rows)), min(sum(sizes), len(rows))
    few, many = (subsample_train_rows(dataset, rows, size, seed) for size in (small, large))
    assert len(few) == small
    assert len(many) == large
    assert set(few) <= set(many) <= set(rows)
    shares = np.bincount(dataset.target_array[rows]) / len(rows)
    got = np.bincount(dataset.target_array[many], minlength=len(counts))
    assert np.all(np.abs(got - shares * large) <= 1 + 1e-9)


def test_all_training_rows_are_the_training_split(toy_dataset: Toy) -> None:
    rows = np.arange(0, 60, 2)
    assert np.array_equal(subsample_train_rows(toy_dataset([30, 30]), rows, 30, 0), rows)


def test_a_training_split_has_not_more_than_it_has(read_and_split_data: Arrange) -> None:
    with pytest.raises(DataError, match=r"--train-size 5,000: .* iris has 106 examples"):
        read_and_split_data("iris", train_size=5000)


def test_train_size_leaves_the_other_splits_alone(read_and_split_data: Arrange) -> None:
    for data in ("iris", "diabetes"):
        whole, part = read_and_split_data(data), read_and_split_data(data, train_size=20)
        assert len(part.rows.train) == 20
        assert np.array_equal(whole.rows.val, part.rows.val)
        assert np.array_equal(whole.rows.test, part.rows.test)
        assert whole.fingerprint != part.fingerprint


def test_label_noise_moves_its_share_of_training_labels_to_other_classes(toy_dataset: Toy) -> None:
    dataset = toy_dataset([500, 500, 500])
    train = np.arange(0, 1500, 3)
    noisy = add_label_noise(dataset, train, 0.4, 0)
    wrong = np.flatnonzero(noisy.targets != dataset.targets)
    assert set(wrong) <= set(train)
    assert len(wrong) == 200
    away = (noisy.target_array - dataset.target_array)[wrong] % 3
    assert set(away) == {1, 2}
    assert 80 < (away == 1).sum() < 120  # binomial, 100 expected


def test_more_label_noise_keeps_what_was_wrong_already(toy_dataset: Toy) -> None:
    dataset = toy_dataset([100, 100])
    train = np.arange(150)
    little, much = (add_label_noise(dataset, train, share, 3) for share in (0.1, 0.3))
    wrong = little.targets != dataset.targets
    assert np.array_equal(little.target_array[wrong], much.target_array[wrong])
    assert add_label_noise(dataset, train, 0.0, 3) is dataset


def test_label_noise_spares_val_and_test(read_and_split_data: Arrange) -> None:
    clean, noisy = read_and_split_data("digits"), read_and_split_data("digits", label_noise=0.5)
    for rows in (clean.rows.val, clean.rows.test):
        assert np.array_equal(clean.dataset.target_array[rows], noisy.dataset.target_array[rows])
    train = clean.rows.train
    changed = clean.dataset.target_array[train] != noisy.dataset.target_array[train]
    assert changed.sum() == round(0.5 * len(train))
    assert clean.fingerprint != noisy.fingerprint
