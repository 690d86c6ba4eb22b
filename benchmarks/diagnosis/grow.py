"""Trains the corpus: every specimen to a history, with the true risk where it can be measured."""

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
from diagnosis import sets
from diagnosis.corpus import FRESH, Specimen, specimens

from nnlab.config import RunConfig, resolve, setting_of
from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.engine.user_code import model_version
from nnlab.records import Curve, History

PROCESSES = 2
MODELS = '''
import torch
from torch import nn


def softmax(in_features, outputs):
    """Ends in a softmax, which cross entropy takes a second time."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(in_features, 64), nn.ReLU(), nn.Linear(64, outputs), nn.Softmax(1)
    )
'''


@dataclass(frozen=True, slots=True)
class Grown:
    """A specimen's training. `risk` is the loss on fresh examples after each epoch, or empty."""

    specimen: Specimen
    setting: Mapping[str, Any]
    curves: Mapping[str, Sequence[tuple[int, float]]]
    risk: Sequence[float]

    @property
    def history(self) -> History:
        """What a diagnosis gets to see."""
        return History(
            {
                name: Curve(name, tuple(e for e, _ in points), tuple(v for _, v in points))
                for name, points in self.curves.items()
            }
        )


def corpus(path: Path) -> list[Grown]:
    """The trainings kept in a file, grown anew where the file is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, grow(list(specimens())))
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [_read(json.loads(line)) for line in lines]


def grow(wanted: Sequence[Specimen]) -> Iterator[Grown]:
    """Trains specimens, two at a time."""
    begun = time.perf_counter()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "models.py").write_text(MODELS, encoding="utf-8")
        context = multiprocessing.get_context("forkserver")
        with context.Pool(PROCESSES, torch.set_num_threads, (1,)) as pool:
            grown = pool.imap(partial(trained, folder=folder), wanted, chunksize=4)
            for count, one in enumerate(grown, start=1):
                if count % 50 == 0:
                    seconds = time.perf_counter() - begun
                    print(f"{count} of {len(wanted)}, {seconds:.0f} s", file=sys.stderr)
                yield one


def trained(specimen: Specimen, folder: Path) -> Grown:
    """Trains one specimen."""
    setting = dict(specimen.setting)
    if "/" in setting["data"]:
        setting["data"] = sets.make(setting["data"], folder)
    if setting.get("model") == "softmax":
        setting["model"] = f"{folder / 'models.py'}:softmax"
        del setting["width"]
    config = resolve(
        RunConfig(**setting, seed=specimen.seed, device="cpu", threads=1),
        dataset_facts(setting["data"]),
        model_version=model_version(setting.get("model", "mlp")),
    )
    session = build_session(config)
    curves: dict[str, list[tuple[int, float]]] = {}
    risk = []
    for epoch in train(session):
        for metric, value in epoch.values.items():
            curves.setdefault(metric, []).append((epoch.number, value))
        if all(setting.get(key) == value for key, value in FRESH.items()):
            risk.append(session.measure(session.data.test)["loss"])
    return Grown(specimen, setting_of(config), curves, risk)


def _write(path: Path, grown: Iterator[Grown]) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    with gzip.open(unfinished, "wt", encoding="utf-8") as lines:
        for one in grown:
            curves = {
                name: [(epoch, _rounded(value)) for epoch, value in points]
                for name, points in one.curves.items()
            }
            kept = {**asdict(one), "curves": curves, "risk": [_rounded(v) for v in one.risk]}
            lines.write(json.dumps(kept) + "\n")
    unfinished.replace(path)


def _rounded(value: float) -> float:
    """Seven digits: more than a diagnosis can use."""
    return float(f"{value:.7g}") if math.isfinite(value) else value


def _read(kept: dict[str, Any]) -> Grown:
    specimen = Specimen(**{**kept["specimen"], "accepted": tuple(kept["specimen"]["accepted"])})
    curves = {name: [tuple(p) for p in points] for name, points in kept["curves"].items()}
    return Grown(specimen, kept["setting"], curves, kept["risk"])
