"""The planner's choice compared with the faster of single and batched training.

For each kind and number of runs, the time in one process from the queue to the last stored run.
The measurement that the planner makes once for each kind and caches is not included.
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
from nnlab.engine.data import dataset_facts
from nnlab.records import Status
from nnlab.settings import RunConfig, digest_of, resolve, setting_of
from nnlab.workers.planner import BatchPlanner
from nnlab.workers.run_queue import run_queue
from nnlab.workers.save_policy import SavePolicy
from nnlab.workers.worker_context import WorkerContext

EXAMPLES = 1280
ENGINES = ("solo", "stacked", "auto")
# Rounds by number of runs: few runs take little time, so that their times are noisier.
ROUNDS = {1: 9, 4: 9, 16: 5, 64: 3, 256: 2}
# Minimum time of a measurement in seconds; few runs are trained for more epochs.
MIN_SECONDS = 0.7
GOAL = 1.1
_SAVE_NOTHING = SavePolicy(models=False)


@dataclass(frozen=True, slots=True)
class RunKind:
    """A kind of run, and the approximate seconds of an epoch of a single run."""

    name: str
    settings: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class PlannerComparison:
    """Median seconds per epoch and run by engine, and the planner's ratio to the faster one."""

    kind: str
    runs: int
    seconds: Mapping[str, float]
    ratio: float

    @property
    def is_met(self) -> bool:
        """Whether the ratio is at most the goal."""
        return self.ratio <= GOAL


def kinds(folder: Path) -> list[RunKind]:
    """A small, a medium and a small convolutional network, with 1,280 examples."""
    rng = np.random.default_rng(0)
    wide = folder / "wide.npz"
    np.savez(
        wide,
        x=rng.standard_normal((EXAMPLES * 10 // 7, 784)).astype(np.float32),
        y=rng.integers(0, 10, EXAMPLES * 10 // 7),
    )
    small = {"data": "digits", "width": 32, "depth": 1}
    return [
        RunKind("digits mlp 64-32-10", small, 0.008),
        RunKind("mlp 784-256-128-10", {"data": f"npz:{wide}", "widths": "256,128"}, 0.025),
        RunKind("cnn on digits", {"data": "digits", "model": "cnn", "width": 8}, 0.03),
    ]


def measure() -> list[PlannerComparison]:
    """Measures all kinds and numbers of runs, with the engines in alternation."""
    results = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        cache_home = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = name
        try:
            for kind in kinds(Path(name)):
                for runs in ROUNDS:
                    results.append(_compare_engines(kind, runs, Path(name)))
                    _log(results[-1])
        finally:
            os.environ.pop("XDG_CACHE_HOME")
            if cache_home is not None:
                os.environ["XDG_CACHE_HOME"] = cache_home
    return results


def _compare_engines(kind: RunKind, runs: int, folder: Path) -> PlannerComparison:
    epochs = max(2, math.ceil(MIN_SECONDS / (runs * kind.seconds)))
    times: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for round_index in range(ROUNDS[runs] + 1):
        for engine in ENGINES if round_index % 2 else reversed(ENGINES):
            seconds = _seconds(kind, runs, epochs, engine, folder)
            if round_index:  # the planner measures in the first round
                times[engine].append(seconds / (runs * epochs))
    ratios = [
        auto / min(solo, stacked)
        for solo, stacked, auto in zip(times["solo"], times["stacked"], times["auto"], strict=True)
    ]
    medians = {engine: statistics.median(values) for engine, values in times.items()}
    return PlannerComparison(kind.name, runs, medians, statistics.median(ratios))


def _seconds(kind: RunKind, runs: int, epochs: int, engine: str, folder: Path) -> float:
    path = folder / f"{time.monotonic_ns()}.db"
    db = store.open_database(str(path), write=True, create=True)
    study = store.create_study(db, name="w", question="", objective=None, space=None, seeds=())
    config = RunConfig(**kind.settings, epochs=epochs, device="cpu")
    setting = setting_of(resolve(config, dataset_facts(str(kind.settings["data"]))))
    plans = [store.RunSpec(setting, digest_of(setting), seed, epochs) for seed in range(runs)]
    run_ids = store.enqueue(db, study, plans).run_ids
    start = time.perf_counter()
    results = run_queue(
        WorkerContext(db, QuietView(str), lambda: False, _SAVE_NOTHING),
        run_ids,
        planner=BatchPlanner(engine),
    )
    seconds = time.perf_counter() - start
    if [result.status for result in results] != [Status.FINISHED] * runs:
        raise RuntimeError(f"{kind.name}: {results[0].reason}")
    db.close()
    return seconds


def _log(result: PlannerComparison) -> None:
    times = "  ".join(f"{name} {1e3 * value:.2f}" for name, value in result.seconds.items())
    print(
        f"{result.kind}, {result.runs} runs: ms per epoch {times}, ratio {result.ratio:.3f}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    measure()
