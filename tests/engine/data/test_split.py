"""Splits are disjoint, complete and stratified; provided splits are kept."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.split import SplitRows, draw_split_codes, split_rows
from nnlab.errors import DataError

Toy = Callable[..., Dataset]
ONE_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def draw_splits(dataset: Dataset, *, val: float, test: float | None, seed: int) -> SplitRows:
    """The splits with the given shares, unless the data set brings them."""
    codes = draw_split_codes(
        dataset,
        val=0.0 if dataset.num_provided_val else val,
        test=0.0 if dataset.num_provided_test else test or 0.0,
        seed=seed,
    )
    return split_rows(dataset, codes)


@ONE_FIXTURE
@given(counts=st.lists(st.integers(10, 80), min_size=2, max_size=6), seed=st.integers(0, 5))
def test_splits_are_disjoint_complete_and_stratified(
    toy_dataset: Toy, counts: list[int], seed: int
) -> None:
    dataset = toy_dataset(counts)
    parts = draw_splits(dataset, val=0.2, test=0.1, seed=seed)
    rows = np.concatenate([parts.train, parts.val, parts.test])
    assert sorted(rows) == list(range(sum(counts)))
    for part, share in ((parts.val, 0.2), (parts.test, 0.1)):
        assert len(part) == round(share * sum(counts))
        per_class = np.bincount(dataset.target_array[part], minlength=len(counts))
        assert np.all(np.abs(per_class - share * np.array(counts)) <= 2)


def test_the_split_follows_from_its_seed(toy_dataset: Toy) -> None:
    first, same, other = (
        draw_splits(toy_dataset([50, 50]), val=0.2, test=0.2, seed=s) for s in (1, 1, 2)
    )
    assert np.array_equal(first.val, same.val)
    assert not np.array_equal(first.val, other.val)


def test_a_set_too_small_to_split_is_refused(toy_dataset: Toy) -> None:
    with pytest.raises(DataError, match=r"too few examples \(\d+\): the val split would be empty"):
        draw_splits(toy_dataset([1, 1]), val=0.1, test=0.1, seed=0)


def test_the_test_split_of_a_set_is_kept_and_val_drawn_from_the_rest(toy_dataset: Toy) -> None:
    parts = draw_splits(toy_dataset([40, 60], num_provided_test=20), val=0.25, test=None, seed=0)
    assert np.array_equal(parts.test, np.arange(80, 100))
    assert len(parts.val) == 20
    assert sorted([*parts.train, *parts.val]) == list(range(80))


def test_both_splits_of_a_set_are_kept(toy_dataset: Toy) -> None:
    parts = draw_splits(
        toy_dataset([40, 60], num_provided_test=20, num_provided_val=10),
        val=0.25,
        test=None,
        seed=0,
    )
    assert np.array_equal(parts.train, np.arange(70))
    assert np.array_equal(parts.val, np.arange(70, 80))
    assert np.array_equal(parts.test, np.arange(80, 100))
