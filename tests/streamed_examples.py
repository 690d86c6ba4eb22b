"""Data sets of users for the tests of streamed data, and functions to open them."""

from pathlib import Path
from typing import Any

import torch

from nnlab.engine.data import facts_of
from nnlab.engine.streaming.streamed_data import StreamedData, open_streamed_data
from nnlab.engine.user_code import code_version
from nnlab.settings import RunConfig

USER_FILE = '''
import random
import numpy as np
import torch
from torch.utils.data import (
    BatchSampler, ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset,
    WeightedRandomSampler, get_worker_info,
)

class Noisy(Dataset):
    """Draws random numbers of all three generators for each item."""

    def __init__(self, n=50):
        self.targets = [i % 2 for i in range(n)]

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        noise = [torch.rand(1).item(), np.random.rand(), random.random()]
        return torch.tensor([float(i), *noise]), self.targets[i]

class Silent(Noisy):
    """Has no attribute that names its targets."""

    def __init__(self, n=50):
        self.labels_of_items = [i % 2 for i in range(n)]

    def __len__(self):
        return len(self.labels_of_items)

    def __getitem__(self, i):
        return torch.tensor([float(i)]), self.labels_of_items[i]

class Stream(IterableDataset):
    def __iter__(self):
        for i in range(20):
            yield torch.tensor([float(i), torch.rand(1).item()]), i % 2

class Sharded(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        for i in range(first, 20, step):
            yield torch.tensor([float(i)]), i % 2

class Stateful(IterableDataset):
    """Continues where its state says."""

    def __init__(self):
        self.position = 0

    def __iter__(self):
        while self.position < 20:
            i = self.position
            self.position += 1
            yield torch.tensor([float(i), random.random()]), i % 2
        self.position = 0

    def state_dict(self):
        return {"position": self.position}

    def load_state_dict(self, state):
        self.position = state["position"]

class Epochs:
    """A loader of batches that is no DataLoader, and that wants to know the epoch."""

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        for i in range(3):
            yield torch.full((2, 1), float(self.epoch * 10 + i)), torch.tensor([0, 1])

class Words(Dataset):
    """Sequences of tokens of unequal lengths."""

    classes = ("a", "b")

    def __init__(self, ragged_targets=False):
        self.ragged_targets = ragged_targets

    def __len__(self):
        return 12

    def __getitem__(self, i):
        tokens = torch.arange(1, 2 + i % 3)
        return tokens, tokens if self.ragged_targets else i % 2

def with_val(train, **more):
    return {"train": train, "val": Noisy(10), "classes": 2, **more}

def noisy(): return Noisy()
def silent(): return Silent()
def stream_only(): return Stream()
def stream(): return {"train": Stream(), "val": Stream(), "classes": 2}
def stateful(): return {"train": Stateful(), "val": Stream(), "classes": 2}
def epochs(): return {"train": Epochs(), "val": Stream(), "classes": 2}
def words(): return Words()
def tokens(): return Words(True)
def language(): return {"train": Words(True), "vocabulary": list("-abcd")}
def pair(): return Noisy(40), Noisy(10)
def generator(): return (batch for batch in [1, 2])
def plain_loader(): return with_val(DataLoader(Noisy(21), batch_size=4, shuffle=True))
def drop_last(): return with_val(DataLoader(Noisy(21), batch_size=4, drop_last=True))
def weighted():
    sampler = WeightedRandomSampler([1.0] * 10 + [0.0] * 11, 21)
    return with_val(DataLoader(Noisy(21), batch_size=4, sampler=sampler))
def weighted_alone(): return weighted()["train"]
def own_batches():
    batches = BatchSampler(range(21), 5, False)
    class Reversed:
        batch_size = 5
        def set_epoch(self, epoch): self.epoch = epoch
        def __iter__(self): return iter([[self.epoch] * 2] + list(batches)[::-1])
        def __len__(self): return 6
    return with_val(DataLoader(Noisy(21), batch_sampler=Reversed()))
def collated():
    def collate(items):
        return {"inputs": torch.stack([x for x, _ in items]) + torch.rand(1),
                "targets": torch.tensor([y for _, y in items])}
    return with_val(DataLoader(Noisy(21), batch_size=4, collate_fn=collate))
def sharded_loader(): return with_val(DataLoader(Sharded(), batch_size=4, num_workers=2))
def copied_loader(): return with_val(DataLoader(Stream(), batch_size=4, num_workers=2))
def stateful_loader(): return with_val(DataLoader(Stateful(), batch_size=4))
def endless():
    class Endless:
        def __iter__(self):
            while True:
                yield int(torch.randint(21, ()))
    return with_val(DataLoader(Noisy(21), batch_size=4, sampler=Endless()))
'''


def config_of(name: str, **settings: Any) -> RunConfig:
    """The config of a function of the user's file in the working directory."""
    reference = f"data.py:{name}"
    values = {"batch_size": 8, "test_fraction": 0.2, **settings}
    return RunConfig(data=reference, data_version=code_version(reference), **values)


def open_data(name: str, workers: int = 0, **settings: Any) -> StreamedData:
    """The streamed data of a function of the user's file."""
    config = config_of(name, **settings)
    return open_streamed_data(config, torch.device("cpu"), num_workers=workers)


def facts(name: str, **settings: Any) -> Any:
    """The facts of a function of the user's file."""
    return facts_of(config_of(name, **settings))


def first_column(batches: Any) -> list[list[int]]:
    """The first feature, the number of the item, of each example of each batch."""
    return [[int(value) for value in inputs[:, 0]] for inputs, _ in batches]


def write_user_file(folder: Path) -> None:
    """Writes the user's file."""
    (folder / "data.py").write_text(USER_FILE, encoding="utf-8")
