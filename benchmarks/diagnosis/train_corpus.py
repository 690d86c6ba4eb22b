"""Trains the corpus: the history of each specimen, and its true risk if it can be measured."""

import gzip
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from diagnosis import faulty_data
from diagnosis.corpus import FRESH, Specimen, specimens

from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.engine.user_code import code_versions
from nnlab.records import Curve, History
from nnlab.settings import RunConfig, resolve, setting_of

PROCESSES = 2
MODELS = '''
import torch
from torch import nn


def softmax(in_features, outputs):
    """Ends with a softmax, so that cross entropy applies it a second time."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(in_features, 64), nn.ReLU(), nn.Linear(64, outputs), nn.Softmax(1)
    )
'''


@dataclass(frozen=True, slots=True)
class TrainedSpecimen:
    """A trained specimen. `risk` is the loss on fresh examples after each epoch, or empty."""

    specimen: Specimen
    setting: Mapping[str, Any]
    curves: Mapping[str, Sequence[tuple[int, float]]]
    risk: Sequence[float]

    @property
    def history(self) -> History:
        """The curves as a `History`, the input of the diagnosis."""
        return History(
            {
                name: Curve(name, tuple(e for e, _ in points), tuple(v for _, v in points))
                for name, points in self.curves.items()
            }
        )


def corpus(path: Path) -> list[TrainedSpecimen]:
    """The trained corpus from a file; trains it and writes the file if it does not exist."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, train_specimens(list(specimens())))
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [_read(json.loads(line)) for line in lines]


def train_specimens(selected: Sequence[Specimen]) -> Iterator[TrainedSpecimen]:
    """Trains specimens in parallel, in their order."""
    start = time.perf_counter()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "models.py").write_text(MODELS, encoding="utf-8")
        context = multiprocessing.get_context("forkserver")
        with context.Pool(PROCESSES, torch.set_num_threads, (1,)) as pool:
            results = pool.imap(partial(train_specimen, folder=folder), selected, chunksize=4)
            for count, trained in enumerate(results, start=1):
                if count % 50 == 0:
                    seconds = time.perf_counter() - start
                    print(f"{count} of {len(selected)}, {seconds:.0f} s", file=sys.stderr)
                yield trained


def train_specimen(specimen: Specimen, folder: Path) -> TrainedSpecimen:
    """Trains one specimen."""
    setting = dict(specimen.setting)
    if "/" in setting["data"]:
        setting["data"] = faulty_data.write_dataset(setting["data"], folder)
    if setting.get("model") == "softmax":
        setting["model"] = f"{folder / 'models.py'}:softmax"
        del setting["width"]
    config = resolve(
        RunConfig(**setting, seed=specimen.seed, device="cpu", threads=1),
        dataset_facts(setting["data"]),
        versions=code_versions(RunConfig(**setting)),
    )
    session = build_session(config)
    curves: dict[str, list[tuple[int, float]]] = {}
    risk = []
    for epoch in train(session):
        for metric, value in epoch.values.items():
            curves.setdefault(metric, []).append((epoch.number, value))
        if all(setting.get(key) == value for key, value in FRESH.items()):
            risk.append(session.evaluate_split(session.data.test)["loss"])
    return TrainedSpecimen(specimen, setting_of(config), curves, risk)


def _write(path: Path, results: Iterator[TrainedSpecimen]) -> None:
    partial_path = path.with_suffix(f".{os.getpid()}.part")
    with gzip.open(partial_path, "wt", encoding="utf-8") as lines:
        for trained in results:
            curves = {
                name: [(epoch, _rounded(value)) for epoch, value in points]
                for name, points in trained.curves.items()
            }
            record = {
                **asdict(trained),
                "curves": curves,
                "risk": [_rounded(value) for value in trained.risk],
            }
            lines.write(json.dumps(record) + "\n")
    partial_path.replace(path)


def _rounded(value: float) -> float:
    """The value with seven digits, more than the diagnosis depends on."""
    return float(f"{value:.7g}") if math.isfinite(value) else value


def _read(record: dict[str, Any]) -> TrainedSpecimen:
    specimen = Specimen(**{**record["specimen"], "accepted": tuple(record["specimen"]["accepted"])})
    curves = {name: [tuple(p) for p in points] for name, points in record["curves"].items()}
    return TrainedSpecimen(specimen, record["setting"], curves, record["risk"])
