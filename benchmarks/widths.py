"""The planner against the better of training alone and stacked, by kind and number of runs.

One process, the time from the queue to the last run stored. What the planner measures once for each
kind and remembers is not in it; `calibrate` says how long that takes.
"""

import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnlab import store
from nnlab.cli.train.train.progress import QuietView
from nnlab.config import RunConfig, digest_of, resolve, setting_of
from nnlab.engine.data import dataset_facts
from nnlab.records import Status
from nnlab.workers.planner import BatchPlanner
from nnlab.workers.run_queue import run_queue
from nnlab.workers.save_policy import SavePolicy
from nnlab.workers.worker_context import WorkerContext

EXAMPLES = 1280
ENGINES = ("solo", "stacked", "auto")
# Rounds by number of runs; few runs take little time, and need many rounds against the noise.
ROUNDS = {1: 9, 4: 9, 16: 5, 64: 3, 256: 2}
# A measurement takes so long at least, in seconds: with few runs they get more epochs.
LEAST = 0.7
GOAL = 1.1
_NONE = SavePolicy(models=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of run, and about how many seconds an epoch of it takes alone."""

    name: str
    settings: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Widths:
    """Median seconds of a run's epoch by engine, and the planner's against the better of both."""

    kind: str
    runs: int
    seconds: Mapping[str, float]
    ratio: float

    @property
    def met(self) -> bool:
        """Whether the planner is within its goal."""
        return self.ratio <= GOAL


def kinds(folder: Path) -> list[Kind]:
    """A small network, a middling one and a small convolutional one, of 1,280 examples."""
    draw = np.random.default_rng(0)
    wide = folder / "wide.npz"
    np.savez(
        wide,
        x=draw.standard_normal((EXAMPLES * 10 // 7, 784)).astype(np.float32),
        y=draw.integers(0, 10, EXAMPLES * 10 // 7),
    )
    small = {"data": "digits", "width": 32, "depth": 1}
    return [
        Kind("digits mlp 64-32-10", small, 0.008),
        Kind("mlp 784-256-128-10", {"data": f"npz:{wide}", "widths": "256,128"}, 0.025),
        Kind("cnn on digits", {"data": "digits", "model": "cnn", "width": 8}, 0.03),
    ]


def measure() -> list[Widths]:
    """Every kind with every number of runs, the engines in turn."""
    found = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = name
        try:
            for kind in kinds(Path(name)):
                for runs in ROUNDS:
                    found.append(_measured(kind, runs, Path(name)))
                    _say(found[-1])
        finally:
            os.environ.pop("XDG_CACHE_HOME")
            if before is not None:
                os.environ["XDG_CACHE_HOME"] = before
    return found


def _measured(kind: Kind, runs: int, folder: Path) -> Widths:
    epochs = max(2, math.ceil(LEAST / (runs * kind.seconds)))
    times: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for turn in range(ROUNDS[runs] + 1):
        for engine in ENGINES if turn % 2 else reversed(ENGINES):
            seconds = _seconds(kind, runs, epochs, engine, folder)
            if turn:  # in the first the planner measures
                times[engine].append(seconds / (runs * epochs))
    ratios = [
        auto / min(solo, stacked)
        for solo, stacked, auto in zip(times["solo"], times["stacked"], times["auto"], strict=True)
    ]
    medians = {engine: statistics.median(found) for engine, found in times.items()}
    return Widths(kind.name, runs, medians, statistics.median(ratios))


def _seconds(kind: Kind, runs: int, epochs: int, engine: str, folder: Path) -> float:
    path = folder / f"{time.monotonic_ns()}.db"
    db = store.open_database(str(path), write=True, create=True)
    study = store.create_study(db, name="w", question="", objective=None, space=None, seeds=())
    config = RunConfig(**kind.settings, epochs=epochs, device="cpu")
    setting = setting_of(resolve(config, dataset_facts(str(kind.settings["data"]))))
    plans = [store.RunSpec(setting, digest_of(setting), seed, epochs) for seed in range(runs)]
    run_ids = store.enqueue(db, study, plans).run_ids
    begun = time.perf_counter()
    ended = run_queue(
        WorkerContext(db, QuietView(str), lambda: False, _NONE),
        run_ids,
        planner=BatchPlanner(engine),
    )
    seconds = time.perf_counter() - begun
    if [one.status for one in ended] != [Status.FINISHED] * runs:
        raise RuntimeError(f"{kind.name}: {ended[0].reason}")
    db.close()
    return seconds


def _say(one: Widths) -> None:
    told = "  ".join(f"{name} {1e3 * took:.2f}" for name, took in one.seconds.items())
    print(
        f"{one.kind}, {one.runs} runs: ms an epoch {told}, ratio {one.ratio:.3f}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    measure()
