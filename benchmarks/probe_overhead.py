"""Overhead of the light probe: epochs with and without it, in alternation.

python benchmarks/probe_overhead.py
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from timing import TimingComparison, compare_alternately

from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.records import Epoch
from nnlab.settings import RunConfig, resolve

KINDS = {
    "digits mlp 64-64-64-10, batch 64": RunConfig(width=64, batch_size=64),
    "digits mlp 64-128-128-10, batch 32": RunConfig(width=128, batch_size=32),
    "cnn on digits, batch 64": RunConfig(model="cnn", width=8, batch_size=64),
}
ROUNDS, EPOCHS = 15, 20


def measure() -> list[TimingComparison]:
    """Compares twenty epochs at a time, because the probe skips some epochs if they are short."""
    torch.set_num_threads(1)
    results = []
    for name, config in KINDS.items():
        light, none = (_epochs(replace(config, probe=probe)) for probe in ("light", "none"))
        results.append(
            compare_alternately(
                f"{EPOCHS} epochs of {name}, probed",
                lambda light=light: _train_epochs(light),  # type: ignore[misc]
                lambda none=none: _train_epochs(none),  # type: ignore[misc]
                of="not probed",
                rounds=ROUNDS,
                goal=1.02,
            )
        )
    return results


def _epochs(config: RunConfig) -> Iterator[Epoch]:
    long_config = replace(config, epochs=100_000, device="cpu", threads=1)
    return train(build_session(resolve(long_config, dataset_facts(config.data))))


def _train_epochs(epochs: Iterator[Epoch]) -> None:
    for _ in range(EPOCHS):
        next(epochs)


if __name__ == "__main__":
    for result in measure():
        print(
            f"{result.name}: {result.ours_seconds * 1e3:.0f} ms, {result.reference}"
            f" {result.reference_seconds * 1e3:.0f} ms, ratio {result.ratio:.3f}"
        )
