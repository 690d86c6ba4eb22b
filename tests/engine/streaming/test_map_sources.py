"""Map-style data sets and loaders over them as sources of batches."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamed_examples import facts, first_column, open_data

from nnlab.engine.batches import batch_bounds
from nnlab.engine.data import read_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.example_facts import infer_task
from nnlab.engine.data.split import draw_split_codes
from nnlab.engine.epoch_order import draw_order
from nnlab.engine.streaming.known_targets import known_targets
from nnlab.errors import ConfigError, DataError
from nnlab.settings import RunConfig, resolve


def test_order_and_splits_equal_those_of_data_in_memory() -> None:
    data = open_data("noisy", seed=3)
    targets = np.arange(50) % 2
    whole = Dataset("noisy", "classification", np.empty((50, 0)), targets, ("0", "1"))
    codes = draw_split_codes(whole, val=RunConfig().val_fraction, test=0.2, seed=0)
    train = np.flatnonzero(codes == 0)
    order = draw_order(RunConfig(seed=3), torch.from_numpy(targets[train]), 2).numpy()
    expected = [train[order][a:b].tolist() for a, b in batch_bounds(len(train), 8)]
    assert first_column(data.train.epoch(2)) == expected
    assert data.train.batches_per_epoch == len(expected)
    assert [row for batch in first_column(data.val.epoch(1)) for row in batch] == np.flatnonzero(
        codes == 1
    ).tolist()


@pytest.mark.parametrize("workers", [1, 2])
def test_number_of_workers_does_not_change_batches(workers: int) -> None:
    alone, parallel = open_data("noisy"), open_data("noisy", workers)
    for epoch in (1, 2):
        for one, other in zip(alone.train.epoch(epoch), parallel.train.epoch(epoch), strict=True):
            assert torch.equal(one[0], other[0])
            assert torch.equal(one[1], other[1])
    assert alone.fingerprint == parallel.fingerprint


def test_random_transforms_differ_by_epoch_and_not_by_batch_size() -> None:
    def noise(epoch: int, batch_size: int) -> dict[int, list[float]]:
        data = open_data("noisy", batch_size=batch_size)
        rows = torch.cat([inputs for inputs, _ in data.train.epoch(epoch)])
        return {int(row[0]): row[1:].tolist() for row in rows}

    first, second = noise(1, 8), noise(2, 8)
    assert noise(1, 5) == first
    assert first.keys() == second.keys()
    assert all(a != b for key in first for a, b in zip(first[key], second[key], strict=True))


def test_validation_examples_are_equal_in_each_epoch() -> None:
    val = open_data("noisy").val
    assert all(torch.equal(a[0], b[0]) for a, b in zip(val.epoch(1), val.epoch(7), strict=True))


def test_reading_leaves_the_random_numbers_of_the_training_alone() -> None:
    data = open_data("noisy")
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    expected = torch.rand(1).item(), np.random.rand(), random.random()
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    list(data.train.epoch(1))
    assert (torch.rand(1).item(), np.random.rand(), random.random()) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    name=st.sampled_from(["noisy", "weighted", "own_batches", "collated", "plain_loader"]),
    epoch=st.integers(1, 3),
    start=st.integers(0, 8),
)
def test_an_epoch_started_inside_equals_the_rest_of_it(name: str, epoch: int, start: int) -> None:
    train = open_data(name).train
    assert train.can_start_inside_epoch
    whole = list(train.epoch(epoch))[start:]
    rest = list(train.epoch(epoch, start))
    assert len(whole) == len(rest)
    for one, other in zip(whole, rest, strict=True):
        values = zip(
            *(batch.values() if isinstance(batch, dict) else batch for batch in (one, other)),
            strict=True,
        )
        assert all(torch.equal(a, b) for a, b in values)


def test_an_abandoned_epoch_does_not_change_the_next_one() -> None:
    expected = first_column(open_data("noisy").train.epoch(2))
    train = open_data("noisy", 1).train
    next(iter(train.epoch(1)))
    assert first_column(train.epoch(2)) == expected


def test_balanced_sampling_draws_the_order_of_data_in_memory() -> None:
    data = open_data("noisy", sampling="balanced")
    uniform = open_data("noisy")
    assert first_column(data.train.epoch(1)) != first_column(uniform.train.epoch(1))
    rows = [row for batch in first_column(data.train.epoch(1)) for row in batch]
    train = sorted(row for batch in first_column(uniform.train.epoch(1)) for row in batch)
    targets = torch.tensor([row % 2 for row in train])
    order = draw_order(RunConfig(sampling="balanced"), targets, 1)
    assert rows == [train[index] for index in order.tolist()]


def test_small_data_sets_are_read_for_their_targets() -> None:
    assert open_data("silent").classes == ("0", "1")


def test_large_data_sets_need_the_number_of_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnlab.engine.streaming.user_sources.MAX_ITEMS_READ_FOR_TARGETS", 10)
    with pytest.raises(DataError, match="the number of classes is unknown") as error:
        open_data("silent")
    assert "`classes`" in str(error.value.hint)


def test_plain_loader_has_its_batch_size_and_the_order_of_data_in_memory() -> None:
    assert facts("plain_loader").batch_size == 4
    data = open_data("plain_loader", batch_size=4)
    order = draw_order(RunConfig(), torch.zeros(21), 1).tolist()
    assert first_column(data.train.epoch(1)) == [order[i : i + 4] for i in range(0, 21, 4)]
    # Another batch size is honoured.
    assert [len(batch) for batch in first_column(open_data("plain_loader").train.epoch(1))] == [
        8, 8, 5,
    ]  # fmt: skip


def test_incomplete_last_batch_is_dropped_as_the_loader_says() -> None:
    train = open_data("drop_last", batch_size=4).train
    assert [len(batch) for batch in first_column(train.epoch(1))] == [4] * 5
    assert first_column(train.epoch(1))[0] == [0, 1, 2, 3]
    assert train.batches_per_epoch == 5


def test_samplers_draw_anew_in_each_epoch_and_the_same_for_a_seed() -> None:
    train = open_data("weighted", batch_size=4).train
    first, second = first_column(train.epoch(1)), first_column(train.epoch(2))
    assert first != second
    assert all(row < 10 for batch in first + second for row in batch)
    assert first_column(open_data("weighted", batch_size=4).train.epoch(1)) == first
    assert first_column(open_data("weighted", batch_size=4, seed=1).train.epoch(1)) != first


def test_batch_samplers_learn_the_epoch() -> None:
    train = open_data("own_batches").train
    assert first_column(train.epoch(3))[:2] == [[2, 2], [20]]
    assert train.batches_per_epoch == 6


def test_endless_samplers_are_read_as_far_as_needed() -> None:
    train = open_data("endless", batch_size=4).train
    assert train.batches_per_epoch is None
    batches = train.epoch(1)
    first = [next(batches) for _ in range(300)]
    again = train.epoch(1, 299)
    assert torch.equal(next(again)[0], first[299][0])


def test_loader_with_a_sampler_alone_says_what_to_return() -> None:
    with pytest.raises(DataError, match="a DataLoader with a sampler of its own") as error:
        open_data("weighted_alone")
    assert "(train, val)" in str(error.value.hint)


def test_balanced_sampling_contradicts_a_sampler() -> None:
    with pytest.raises(DataError, match="has its own sampler"):
        open_data("weighted", sampling="balanced")


def test_a_pair_is_train_and_val() -> None:
    data = open_data("pair")
    assert data.val.num_examples == 10
    assert data.train.num_examples is not None
    assert data.test is not None
    assert data.train.num_examples + (data.test.num_examples or 0) == 40
    assert facts("pair").own_val


def test_sequences_are_padded_with_zero() -> None:
    data = open_data("words")
    inputs, targets = next(data.train.epoch(1))
    lengths = (inputs != 0).sum(1)
    assert inputs.shape == (len(targets), int(lengths.max()))
    assert all(
        row[:length].tolist() == list(range(1, length + 1))
        for row, length in zip(inputs, lengths.tolist(), strict=True)
    )


def test_label_noise_is_refused() -> None:
    with pytest.raises(DataError, match="--label-noise"):
        open_data("noisy", label_noise=0.1)


def test_rotation_is_refused() -> None:
    with pytest.raises(DataError, match="--rotate cannot be used with data that is streamed"):
        open_data("noisy", rotate=90)


def test_known_targets_of_nested_data_sets() -> None:
    from torch.utils.data import ConcatDataset, Subset, TensorDataset

    tensors = TensorDataset(torch.zeros(4, 2), torch.tensor([3, 1, 2, 0]))
    nested: Any = ConcatDataset([Subset(tensors, [2, 0]), tensors])
    targets = known_targets(nested)
    assert targets is not None
    assert targets.tolist() == [2, 3, 3, 1, 2, 0]
    assert known_targets(TensorDataset(torch.zeros(4, 2))) is None


def test_batch_size_of_a_loader_is_the_default_and_may_be_refused() -> None:
    plain, fixed = facts("plain_loader"), facts("own_batches")
    config = RunConfig(data="data.py:plain_loader")
    assert resolve(config, plain).batch_size == 4
    assert resolve(replace(config, batch_size=7), plain).batch_size == 7
    assert resolve(config, fixed).batch_size == 5
    with pytest.raises(ConfigError, match=r"--batch-size has no effect .* makes the batches"):
        resolve(replace(config, batch_size=7), fixed)


def test_data_set_larger_than_memory_proposes_to_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnlab.engine.data.user_defined.main_memory_bytes", lambda: 1000)
    with pytest.raises(DataError, match="50 items need about 1,200 bytes; the limit is 500") as e:
        read_dataset(RunConfig(data="data.py:noisy"))
    assert "--stream" in str(e.value.hint)


def test_data_that_can_only_be_streamed_is_not_read_into_memory() -> None:
    assert facts("plain_loader").streamed_only
    assert not facts("noisy").streamed_only
    with pytest.raises(DataError, match="can only be streamed"):
        read_dataset(RunConfig(data="data.py:stream"))


def test_a_pair_of_data_sets_is_read_into_memory() -> None:
    dataset = read_dataset(RunConfig(data="data.py:pair"))
    assert (len(dataset), dataset.num_provided_val) == (50, 10)


@pytest.mark.parametrize(
    ("item", "task"),
    [
        ((torch.zeros(3), 1), "classification"),
        ((torch.zeros(3), 0.5), "regression"),
        ((torch.zeros(3), torch.zeros(2)), "regression"),
        ((torch.zeros(3), torch.tensor([1, 0, 1])), "multilabel"),
        ((torch.tensor([4, 7]), torch.tensor([1, 0])), "token_classification"),
        ((torch.zeros(3, 4, 4), torch.ones(4, 4).long()), "segmentation"),
        (torch.zeros(3), "reconstruction"),
        ({"first": torch.zeros(2), "second": torch.zeros(2)}, None),
    ],
)
def test_kind_of_targets_of_an_item(item: Any, task: str | None) -> None:
    assert infer_task(item, is_batch=False) == task


def test_sequences_of_classes_have_no_fixed_output_shape() -> None:
    data = open_data("tokens")
    assert (data.task, data.num_outputs, data.output_shape) == ("token_classification", 2, None)
    model = open_data("language", task="language_modeling")
    assert (model.task, model.num_outputs) == ("language_modeling", 5)
    inputs, targets = next(model.train.epoch(1))
    assert torch.equal(targets == -100, inputs == 0)
