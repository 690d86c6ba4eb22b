"""IterableDatasets, loaders over them and other loaders as sources of batches."""

import pickle

import pytest
import torch
from streamed_examples import facts, first_column, open_data

from nnlab.engine.streaming.padding import PaddedCollate
from nnlab.errors import DataError


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_iterable_data_set_is_the_same_for_any_number_of_workers(workers: int) -> None:
    data = open_data("stream", workers)
    expected = open_data("stream")
    assert first_column(data.train.epoch(1)) == [
        list(range(8)), list(range(8, 16)), list(range(16, 20)),
    ]  # fmt: skip
    for one, other in zip(data.train.epoch(2), expected.train.epoch(2), strict=True):
        assert torch.equal(one[0], other[0])
    assert any("read by one loader worker" in note for note in data.notes) == (workers == 2)


def test_random_numbers_of_a_stream_differ_by_epoch() -> None:
    train = open_data("stream").train
    first, second = (torch.cat([batch[0] for batch in train.epoch(e)]) for e in (1, 2))
    assert torch.equal(first[:, 0], second[:, 0])
    assert (first[:, 1] != second[:, 1]).all()


def test_stream_without_state_repeats_the_epoch() -> None:
    data = open_data("stream")
    assert data.train.state_dict() is None
    assert not data.train.can_start_inside_epoch
    assert any("repeats the epoch" in note for note in data.notes)


def test_stream_without_val_says_what_to_return() -> None:
    with pytest.raises(DataError, match="returns only training data, and Stream") as error:
        open_data("stream_only")
    assert "return a pair (train, val)" in str(error.value.hint)


def test_generators_are_refused() -> None:
    with pytest.raises(DataError, match="can be read only once"):
        open_data("generator")


def test_facts_do_not_iterate() -> None:
    found = facts("sharded_loader")
    assert found.streamed_only
    assert found.own_val
    assert found.task == "classification"
    assert found.batch_size == 4
    assert found.has_own_batches


def test_workers_that_divide_the_items_are_kept() -> None:
    data = open_data("sharded_loader")
    rows = [row for batch in first_column(data.train.epoch(1)) for row in batch]
    assert rows != sorted(rows)
    assert sorted(rows) == list(range(20))
    assert not any("one worker is used" in note for note in data.notes)


def test_workers_that_would_repeat_the_items_are_reduced_to_one() -> None:
    data = open_data("copied_loader")
    rows = [row for batch in first_column(data.train.epoch(1)) for row in batch]
    assert rows == list(range(20))
    assert any("one worker is used" in note for note in data.notes)


@pytest.mark.parametrize("name", ["stateful", "stateful_loader"])
def test_stateful_data_continues_inside_an_epoch(name: str) -> None:
    expected = list(open_data(name).train.epoch(2))
    assert first_column(expected)[0][:3] == [0, 1, 2]
    train = open_data(name).train
    assert train.can_start_inside_epoch
    batches = train.epoch(2)
    next(batches)
    state = pickle.loads(pickle.dumps(train.state_dict()))
    resumed = open_data(name).train
    resumed.load_state_dict(state)
    rest = list(resumed.epoch(2, 1))
    assert len(rest) == len(expected) - 1
    for one, other in zip(rest, expected[1:], strict=True):
        assert torch.equal(one[0], other[0])
    # After the continued epoch, the next one is complete.
    assert len(list(resumed.epoch(3))) == len(expected)


def test_stateful_data_without_its_state_skips_batches() -> None:
    train = open_data("stateful").train
    expected = list(train.epoch(1))[1:]
    rest = list(train.epoch(1, 1))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(rest, expected, strict=True))


def test_an_abandoned_epoch_of_stateful_data_is_not_continued() -> None:
    train = open_data("stateful").train
    next(train.epoch(1))
    assert first_column(train.epoch(2))[0] == list(range(8))


def test_other_loaders_learn_the_epoch() -> None:
    data = open_data("epochs")
    assert first_column(data.train.epoch(2)) == [[10, 10], [11, 11], [12, 12]]
    assert data.in_shape == (1,)


def test_padding_of_targets_and_shapes_that_cannot_be_padded() -> None:
    collate = PaddedCollate(pad_token=9)
    items = [(torch.arange(n), torch.arange(n)) for n in (1, 3)]
    inputs, targets = collate(items)
    assert inputs.tolist() == [[0, 9, 9], [0, 1, 2]]
    assert targets.tolist() == [[0, -100, -100], [0, 1, 2]]
    dicts = collate([{"ids": torch.ones(n), "labels": torch.ones(n).long()} for n in (1, 2)])
    assert dicts["ids"].tolist() == [[1, 9], [1, 1]]
    assert dicts["labels"].tolist() == [[1, -100], [1, 1]]
    with pytest.raises(
        DataError, match=r"the inputs of a batch have the shapes \[2, 3\], \[2, 4\]"
    ):
        collate([(torch.zeros(2, n), 0) for n in (3, 4)])
    with pytest.raises(DataError, match="numbers have no value that is ignored"):
        collate([(torch.zeros(2), torch.zeros(n)) for n in (1, 2)])
