"""The training loop (an epoch evaluated, stored and shown) compared with a minimal PyTorch loop.

The minimal loop has tensors in memory, a permutation, fused Adam, and an evaluation on the
validation split after each epoch. Network 784-256-128-10, batch 128, one thread.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from timing import TimingComparison, compare_alternately
from torch import nn
from torch.nn import functional

from nnlab import store
from nnlab.cli.train.train.progress import BarView
from nnlab.engine import loop, losses, probe
from nnlab.engine.data.prepare import PreparedData, SplitTensors
from nnlab.engine.optimizers import build as build_optimizer
from nnlab.provenance.environment import collect_environment
from nnlab.records import Epoch
from nnlab.settings import DataFacts, RunConfig, digest_of, resolve, setting_of

EXAMPLES, BATCH = 20_000, 128
ROUNDS = 15


def measure() -> list[TimingComparison]:
    """Compares single epochs in alternation."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(EXAMPLES + 2000, 784, generator=generator)
    y = torch.randint(0, 10, (EXAMPLES + 2000,), generator=generator)
    train, val = SplitTensors(x[:EXAMPLES], y[:EXAMPLES]), SplitTensors(x[EXAMPLES:], y[EXAMPLES:])
    minimal_epochs = _minimal_loop(train, val)
    with _nnlab_loop(train, val) as epochs:
        return [
            compare_alternately(
                "epoch of 784-256-128-10, stored and shown",
                lambda: next(epochs),
                lambda: next(minimal_epochs),
                of="bare fused loop",
                rounds=ROUNDS,
                goal=1.02,
            )
        ]


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    )


def _minimal_loop(train: SplitTensors, val: SplitTensors) -> Iterator[tuple[float, float]]:
    model = _model()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    while True:
        model.train()
        order = torch.randperm(EXAMPLES)
        for start in range(0, EXAMPLES, BATCH):
            rows = order[start : start + BATCH]
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(train.examples[rows]), train.targets[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        model.eval()
        with torch.no_grad():
            outputs = model(val.examples)
            val_loss = functional.cross_entropy(outputs, val.targets).item()
            accuracy = (outputs.argmax(1) == val.targets).float().mean().item()
        yield val_loss, accuracy


@contextmanager
def _nnlab_loop(train: SplitTensors, val: SplitTensors) -> Iterator[Iterator[Epoch]]:
    facts = DataFacts("classification")
    config = resolve(RunConfig(batch_size=BATCH, epochs=100_000, device="cpu"), facts)
    setting = setting_of(config)
    model = _model()
    data = PreparedData("classification", (784,), 10, train, val, val, "benchmark")
    cpu = torch.device("cpu")
    optimizer, loss = build_optimizer(model, config), losses.build(config)
    session = loop.Session(
        config, cpu, 1, data, model, optimizer, loss, losses.build_eval_loss(config)
    )
    session.probe = probe.build(config, model, data, EXAMPLES // BATCH)
    with tempfile.TemporaryDirectory() as folder:
        db = store.open_database(str(Path(folder) / "runs.db"), write=True, create=True)
        study = store.create_study(
            db, name="loop", question="", objective=None, space=None, seeds=()
        )
        spec = store.RunSpec(setting, digest_of(setting), 0, config.epochs)
        queued = store.enqueue(db, study, [spec])
        claim = store.claim(
            db, run_ids=queued.run_ids, hostname="here", pid=os.getpid(), command="benchmark"
        )
        assert claim is not None
        writer = store.RunWriter(
            db,
            claim,
            environment=collect_environment("cpu", 1),
            data_fingerprint="benchmark",
            resume_after=0,
        )
        view = BarView(lambda run: f"seed {run.seed}", runs=1, epochs=config.epochs)

        def epochs() -> Iterator[Epoch]:
            view.on_run_start(claim.run, 0)
            for epoch in loop.train(session):
                writer.write(epoch)
                view.on_epoch_end(claim.run, epoch)
                yield epoch

        with view:
            yield epochs()
        db.close()
