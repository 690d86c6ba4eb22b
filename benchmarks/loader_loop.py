"""The training loop over a loader compared with a bare loop over the same loader; its memory.

Both read batches of 128 rows of 784 numbers from a memory-mapped file, and train 784-256-128-10
with fused Adam on one thread. The bare loop measures nothing but the validation loss.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from store_speed import Measurement
from timing import TimingComparison, compare_alternately
from torch import nn
from torch.nn import functional

from nnlab.engine.data import facts_of
from nnlab.engine.loader_loop import build_loader_session, train
from nnlab.engine.streaming.batch_source import BatchSource
from nnlab.engine.user_code import code_version
from nnlab.settings import RunConfig, resolve

BATCH, ROUNDS, GOAL = 128, 11, 1.05
TIMED_ROWS, LARGE_ROWS = 12_000, 200_000  # of 3 kB: 600 MB
MAX_GROWTH_MB = 16.0
_EPOCHS_OF_MEMORY = 6
_USER_FILE = """
import numpy as np
import torch
from torch.utils.data import Dataset

class Rows(Dataset):
    def __init__(self, rows):
        self.x = np.memmap("x.bin", np.float32, "r").reshape(-1, 784)[:rows]
        self.targets = np.arange(rows) % 10

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return torch.from_numpy(self.x[index].copy()), int(self.targets[index])

def timed():
    return Rows({timed})

def large():
    return Rows({large})
"""


def measure(folder: Path) -> list[TimingComparison]:
    """Compares single epochs in alternation."""
    _write_data(folder)
    os.chdir(folder)
    torch.set_num_threads(1)
    session = build_loader_session(_config("timed"))
    epochs = train(session)
    bare_epochs = _bare_loop(session.data.train, session.data.val)
    return [
        compare_alternately(
            "epoch of 784-256-128-10 over a loader",
            lambda: next(epochs),
            lambda: next(bare_epochs),
            of="bare loop over the same loader",
            rounds=ROUNDS,
            goal=GOAL,
        )
    ]


def measure_memory(folder: Path) -> list[Measurement]:
    """The growth of the process's own memory over the epochs of a file of 600 MB."""
    _write_data(folder)
    command = [sys.executable, str(Path(__file__).resolve())]
    output = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    kilobytes: list[int] = json.loads(output.splitlines()[-1])
    growth = (max(kilobytes[1:]) - kilobytes[0]) / 1024
    return [
        Measurement(
            f"growth of memory over {_EPOCHS_OF_MEMORY} epochs of a 600 MB file",
            growth,
            "MB",
            MAX_GROWTH_MB,
        )
    ]


def _write_data(folder: Path) -> None:
    if (folder / "x.bin").exists():
        return
    generator = np.random.default_rng(0)
    with (folder / "x.bin").open("wb") as file:
        for _ in range(LARGE_ROWS // 10_000):
            file.write(generator.standard_normal((10_000, 784), np.float32).tobytes())
    text = _USER_FILE.format(timed=TIMED_ROWS, large=LARGE_ROWS)
    (folder / "rows.py").write_text(text, encoding="utf-8")


def _config(name: str) -> RunConfig:
    data = f"rows.py:{name}"
    config = RunConfig(
        data=data,
        data_version=code_version(data),
        stream=True,
        widths="256,128",
        batch_size=BATCH,
        epochs=100_000,
        threads=1,
        device="cpu",
    )
    return resolve(config, facts_of(config))


def _bare_loop(train_source: BatchSource, val_source: BatchSource) -> Iterator[float]:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    epoch = 0
    while True:
        epoch += 1
        model.train()
        for inputs, targets in train_source.epoch(epoch):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(inputs), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        model.eval()
        total = 0.0
        with torch.no_grad():
            for inputs, targets in val_source.epoch(1):
                total += functional.cross_entropy(model(inputs), targets, reduction="sum").item()
        yield total


def _own_kilobytes() -> int:
    """The memory of this process that is not mapped from files."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def _print_memory_of_epochs() -> None:
    epochs = train(build_loader_session(_config("large")))
    print(json.dumps([_own_kilobytes() for _, _ in zip(range(_EPOCHS_OF_MEMORY), epochs)]))  # noqa: B905


if __name__ == "__main__":
    _print_memory_of_epochs()
