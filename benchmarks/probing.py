"""What the light probe costs: an epoch with it against one without, in turn.

python benchmarks/probing.py
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from measure import Compared, in_turn

from nnlab.config import RunConfig, resolve
from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.records import Epoch

KINDS = {
    "digits mlp 64-64-64-10, batch 64": RunConfig(width=64, batch_size=64),
    "digits mlp 64-128-128-10, batch 32": RunConfig(width=128, batch_size=32),
    "cnn on digits, batch 64": RunConfig(model="cnn", width=8, batch_size=64),
}
ROUNDS, EPOCHS = 15, 20


def measure() -> list[Compared]:
    """Twenty epochs against twenty epochs: the probe skips epochs that are short."""
    torch.set_num_threads(1)
    found = []
    for name, config in KINDS.items():
        light, none = (_epochs(replace(config, probe=probe)) for probe in ("light", "none"))
        found.append(
            in_turn(
                f"{EPOCHS} epochs of {name}, probed",
                lambda light=light: _some(light),  # type: ignore[misc]
                lambda none=none: _some(none),  # type: ignore[misc]
                of="not probed",
                rounds=ROUNDS,
                goal=1.02,
            )
        )
    return found


def _epochs(config: RunConfig) -> Iterator[Epoch]:
    whole = replace(config, epochs=100_000, device="cpu", threads=1)
    return train(build_session(resolve(whole, dataset_facts(config.data))))


def _some(epochs: Iterator[Epoch]) -> None:
    for _ in range(EPOCHS):
        next(epochs)


if __name__ == "__main__":
    for one in measure():
        print(
            f"{one.name}: {one.ours_seconds * 1e3:.0f} ms, {one.reference}"
            f" {one.reference_seconds * 1e3:.0f} ms, ratio {one.ratio:.3f}"
        )
