"""Parts of user tasks: optimizers and schedulers, modules, loaders, logged means."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from nnlab.engine.user_task.batch_sources import LoaderBatches, open_loader
from nnlab.engine.user_task.logged_metrics import LoggedMeans, metric_name
from nnlab.engine.user_task.modules import collect_modules
from nnlab.engine.user_task.optimizers import TaskScheduler, read_optimizers
from nnlab.errors import UserCodeError


def _optimizer() -> torch.optim.SGD:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)


def test_optimizers_and_schedulers_in_the_forms_of_lightning() -> None:
    a, b = _optimizer(), _optimizer()
    step = torch.optim.lr_scheduler.StepLR(a, 1)
    forms: list[tuple[Any, tuple[Any, ...], int]] = [
        (None, (), 0),
        (a, (a,), 0),
        ([a, b], (a, b), 0),
        ((a, b), (a, b), 0),
        (([a, b], [step]), (a, b), 1),
        ({"optimizer": a}, (a,), 0),
        ({"optimizer": a, "lr_scheduler": step}, (a,), 1),
        ([{"optimizer": a, "lr_scheduler": {"scheduler": step}}, {"optimizer": b}], (a, b), 1),
    ]
    for value, optimizers, schedulers in forms:
        result = read_optimizers(value, "t.py:T")
        assert (result[0], len(result[1])) == (optimizers, schedulers), value
    for wrong in ("adam", [a, 3], {"lr_scheduler": step}):
        with pytest.raises(UserCodeError, match="configure_optimizers returns an object of type"):
            read_optimizers(wrong, "t.py:T")


def test_schedulers_are_stepped_at_their_frequency_and_by_their_metric() -> None:
    optimizer = _optimizer()
    schedule = TaskScheduler(torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5), frequency=2)
    rates = []
    for count in range(1, 5):
        optimizer.step()
        schedule.step(count, {})
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [1.0, 0.5, 0.5, 0.25]

    optimizer = _optimizer()
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=0)
    _, (schedule,) = read_optimizers(
        {"optimizer": optimizer, "lr_scheduler": plateau, "monitor": "val_error"}, "t.py:T"
    )
    schedule.step(1, {"val/error": 1.0})
    schedule.step(2, {"val/error": 2.0})
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
    with pytest.raises(UserCodeError, match="monitors val/error, which the task does not log"):
        schedule.step(3, {"val/loss": 2.0})


def test_all_modules_of_a_plain_class_are_collected() -> None:
    class Task:
        def __init__(self) -> None:
            self.net = nn.Linear(2, 1)
            self.blocks = [nn.Linear(1, 1), nn.BatchNorm1d(1)]
            self.heads = {"a": nn.Linear(1, 2)}
            self.scale = nn.Parameter(torch.ones(3))
            self.numbers = [1, 2]
            self.empty: list[nn.Module] = []

    task = Task()
    module = collect_modules(task, "t.py:T")
    assert {name.rpartition(".")[0] for name in module.state_dict()} == {
        "", "net", "blocks.0", "blocks.1", "heads.a",
    }  # fmt: skip
    module.eval()
    assert not task.blocks[1].training
    module.to(torch.float64)
    assert task.scale.dtype == task.net.weight.dtype == torch.float64
    network = nn.Linear(1, 1)
    assert collect_modules(network, "t.py:T") is network
    with pytest.raises(UserCodeError, match="has no parameters to train"):
        collect_modules(object.__new__(type("Empty", (), {})), "t.py:T")


class _Noisy(IterableDataset[Any]):
    def __iter__(self) -> Any:
        for index in range(5):
            yield index + torch.rand(1)


def _loaders() -> list[Callable[[], Any]]:
    numbers = TensorDataset(torch.arange(20.0))
    return [
        lambda: DataLoader(numbers, 4, shuffle=True),
        lambda: DataLoader(numbers, 4, shuffle=True, generator=torch.Generator()),
        lambda: DataLoader(_Noisy(), 2),
        lambda: DataLoader(numbers, 4, shuffle=True, num_workers=1),
        lambda: [torch.full((2,), float(index)) for index in range(5)],
    ]


@pytest.mark.parametrize("kind", range(5))
def test_an_epoch_of_a_loader_can_be_continued_in_any_process(kind: int) -> None:
    make = _loaders()[kind]
    first, second = (LoaderBatches("t.py:T", "train_loader", make(), seed=3) for _ in range(2))
    for number in (1, 2):
        list(first.epoch(number))
    torch.manual_seed(7)
    whole = [torch.as_tensor(_tensor(batch)) for batch in first.epoch(2)]
    torch.manual_seed(8)
    rest = [torch.as_tensor(_tensor(batch)) for batch in second.epoch(2, start=1)]
    assert len(rest) == len(whole) - 1 > 0
    assert all(torch.equal(a, b) for a, b in zip(whole[1:], rest, strict=True))
    if kind < 4:
        other = [torch.as_tensor(_tensor(batch)) for batch in second.epoch(3)]
        assert not all(torch.equal(a, b) for a, b in zip(whole, other, strict=True))


def _tensor(batch: Any) -> Any:
    return batch[0] if isinstance(batch, list) else batch


def test_a_loader_leaves_the_random_numbers_of_the_training_alone() -> None:
    loader = LoaderBatches("t.py:T", "train_loader", DataLoader(_Noisy(), 2), seed=3)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    list(loader.epoch(1))
    assert torch.equal(torch.rand(3), expected)


def test_loaders_that_cannot_be_read_again_are_refused() -> None:
    class Task:
        def train_loader(self) -> Any:
            return iter([1, 2])

        def val_loader(self) -> Any:
            return 3

        def test_loader(self, seed: int) -> Any:
            return [[seed]]

    with pytest.raises(UserCodeError, match="list_iterator, which can be read only once"):
        open_loader(Task(), "t.py:T", "train", 0)
    with pytest.raises(UserCodeError, match="type int, which has no batches"):
        open_loader(Task(), "t.py:T", "val", 0)
    test = open_loader(Task(), "t.py:T", "test", 5)
    assert test is not None
    assert list(test.epoch(1)) == [5]
    assert open_loader(object(), "t.py:T", "train", 0) is None
    with pytest.raises(UserCodeError, match="train_loader has no batches in epoch 1"):
        list(LoaderBatches("t.py:T", "train_loader", [], 0).epoch(1))


def test_means_are_weighted_and_their_state_is_exact() -> None:
    means = LoggedMeans()
    means.add("loss", torch.tensor(1.0), 20)
    means.add("loss", torch.tensor(4.0), 10)
    assert means.compute() == {"loss": 2.0}
    copy = LoggedMeans()
    copy.load_state_dict(means.state_dict())
    copy.add("loss", 8.0, 30)
    means.add("loss", 8.0, 30)
    assert copy.compute() == means.compute() == {"loss": 5.0}


@pytest.mark.parametrize(
    ("name", "split", "expected"),
    [
        ("train_loss", "train", "loss"),
        ("valid/top-5 acc", "val", "top_5_acc"),
        ("val_loss", "train", "val_loss"),
        ("test.loss", "test", "loss"),
        ("1st", "val", "_1st"),
    ],
)
def test_names_of_logged_metrics(name: str, split: str, expected: str) -> None:
    assert metric_name(name, split) == expected
