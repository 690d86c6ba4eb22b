"""User code and sessions for the tests of runs over loaders."""

from pathlib import Path
from typing import Any

from nnlab.engine.checkpoint import restore_checkpoint, serialize_checkpoint
from nnlab.engine.data import facts_of
from nnlab.engine.loader_loop import LoaderSession, build_loader_session, train
from nnlab.engine.user_code import code_version
from nnlab.records import Epoch
from nnlab.settings import RunConfig, resolve

USER_FILE = '''
import random
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

g = torch.Generator().manual_seed(0)
X = torch.randn(90, 4, generator=g)
Y = (X @ torch.randn(4, 3, generator=g)).argmax(1)

class Noisy(Dataset):
    """Augments each item at random."""
    targets = Y.tolist()
    def __len__(self): return len(X)
    def __getitem__(self, i): return X[i] + 0.1 * torch.randn(4), Y[i]

class Stream(IterableDataset):
    def __init__(self, rows): self.rows = rows
    def __iter__(self): return ((X[i], Y[i]) for i in self.rows)

class Stateful(IterableDataset):
    """Continues where its state says; its length is unknown."""
    def __init__(self): self.position = 0
    def __iter__(self):
        while self.position < 60:
            i = self.position
            self.position += 1
            yield X[i], Y[i]
        self.position = 0
    def state_dict(self): return {"position": self.position}
    def load_state_dict(self, state): self.position = state["position"]

class Empty(IterableDataset):
    def __iter__(self): return iter(())

def noisy(): return Noisy()
def stream(): return {"train": Stream(range(60)), "val": Stream(range(60, 90)), "classes": 3}
def stateful(): return {"train": Stateful(), "val": Stream(range(60, 90)), "classes": 3}
def loader():
    train = TensorDataset(X[:60], Y[:60])
    val = DataLoader(TensorDataset(X[60:], Y[60:]), batch_size=8)
    return {"train": DataLoader(train, batch_size=8), "val": val, "classes": 3}
def named(): return {"train": NamedRows(range(60)), "val": NamedRows(range(60, 90)), "classes": 3}
def pairs(): return {"train": Pairs(range(60)), "val": Pairs(range(60, 90)), "classes": 3}

class NamedRows(Dataset):
    def __init__(self, rows): self.rows = rows; self.targets = Y[list(rows)].tolist()
    def __len__(self): return len(self.rows)
    def __getitem__(self, i):
        x = X[self.rows[i]]
        return {"inputs": {"left": x[:2], "right": x[2:]}, "targets": Y[self.rows[i]]}

class Pairs(NamedRows):
    def __getitem__(self, i):
        x = X[self.rows[i]]
        return (x[:2], x[2:]), Y[self.rows[i]]

class Rows(Dataset):
    """Items of a function of the index."""
    def __init__(self, item, n=40): self.item, self.n = item, n
    def __len__(self): return self.n
    def __getitem__(self, i): return self.item(i)

def tags(): return Rows(lambda i: (X[i], (X[i, :3] > 0).float()))
def several(): return Rows(lambda i: (X[i], X[i, :2] * 2 + 1))
def inputs_only(): return Rows(lambda i: X[i])
def pixels():
    items = Rows(lambda i: (X[i].view(1, 2, 2), (X[i].view(2, 2) > 0).long()))
    return {"train": items, "classes": 2}

class Linear(nn.Module):
    def __init__(self, in_features, outputs):
        super().__init__()
        self.layer = nn.Linear(in_features, outputs)
    def forward(self, x): return self.layer(x)

class Pixels(nn.Module):
    def __init__(self): super().__init__(); self.layer = nn.Conv2d(1, 2, 1)
    def forward(self, x): return self.layer(x)

class TwoViews(nn.Module):
    def __init__(self): super().__init__(); self.layer = nn.Linear(4, 4)
    def forward(self, x): return self.layer(x), self.layer(x.flip(1))

class Encoder(nn.Module):
    def __init__(self): super().__init__(); self.layer = nn.Linear(4, 4)
    def forward(self, x): return self.layer(x)

def spread(outputs): return (outputs.square().mean(1) - 1).square()

class Net(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, outputs))
    def forward(self, x): return self.net(x)

class HeadFirst(nn.Module):
    """Registers its layers in another order than that of their use, and calls functions."""
    def __init__(self, outputs):
        super().__init__()
        self.head, self.first = nn.Linear(8, outputs), nn.Linear(4, 8)
    def forward(self, x):
        x = nn.functional.dropout(torch.tanh(self.first(x)), 0.3, self.training)
        return self.head(x)

class TwoInputs(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.layer = nn.Linear(4, outputs)
    def forward(self, left, right): return self.layer(torch.cat((left, right), 1)), left

class Wide(nn.Module):
    def __init__(self): super().__init__(); self.layer = nn.Linear(4, 5)
    def forward(self, x): return self.layer(x)
'''


def write_user_file(folder: Path) -> None:
    """Writes the user's file to a folder."""
    (folder / "user.py").write_text(USER_FILE, encoding="utf-8")


def loader_config(data: str, **settings: Any) -> RunConfig:
    """The resolved config of a streamed run with a function of the user's file."""
    values = {"stream": True, "batch_size": 8, **settings}
    if "steps" not in settings:
        values.setdefault("epochs", 3)
    if "model" not in settings:
        values |= {"width": 8, "depth": 1}
    config = RunConfig(data=data, **values)
    versions = {
        f"{name}_version": code_version(str(value))
        for name in ("model", "loss")
        if ":" in str(value := getattr(config, name))
    }
    return resolve(config, facts_of(config), versions=versions)


def start(data: str, **settings: Any) -> LoaderSession:
    """A new session."""
    return build_loader_session(loader_config(data, **settings))


def run_values(session: LoaderSession) -> list[tuple[int, dict[str, float]]]:
    """The numbers and values of the epochs that a session trains."""
    return [numbered(epoch) for epoch in train(session)]


def numbered(epoch: Epoch) -> tuple[int, dict[str, float]]:
    """The number and the values of an epoch."""
    return epoch.number, dict(epoch.values)


def resumed(session: LoaderSession) -> LoaderSession:
    """A new session at the position of another one, through the bytes of a checkpoint."""
    copy = build_loader_session(session.config)
    restore_checkpoint(copy, serialize_checkpoint(session), "checkpoint")
    return copy
