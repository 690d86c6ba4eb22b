"""Trains the corpus: the history of each specimen, and its true risk if it can be measured."""

import hashlib
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from diagnosis import faulty_data, unseen_models, user_model_files
from diagnosis.corpus import FRESH, USER_MODELS, specimens
from diagnosis.specimen import Specimen, TrainedSpecimen, read_specimens, write_specimens

import nnlab.engine
from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.engine.user_code import code_versions
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


def corpus(half: str, folder: Path) -> Iterator[TrainedSpecimen]:
    """The runs of a half that nnlab trains, in parts that are cached in a folder."""
    parts: dict[str, list[Specimen]] = {}
    for specimen in specimens():
        if specimen.half == half:
            data = str(specimen.setting["data"]).partition("/")[0]
            parts.setdefault(f"{specimen.group} {data}", []).append(specimen)
    for name, part in parts.items():
        digest = hashlib.sha256(f"{part} {_engine_digest()}".encode()).hexdigest()[:16]
        path = folder / f"{name.replace(' ', '-')}-{half}-{digest}.jsonl.gz"
        if not path.exists():
            write_specimens(path, train_specimens(part))
            print(path.name, file=sys.stderr)
        yield from read_specimens(path)


@cache
def _engine_digest() -> str:
    """A hash of nnlab's engine and of the model files, on which the curves depend."""
    content = hashlib.sha256((unseen_models.SOURCE + user_model_files.MODELS).encode())
    for path in sorted(Path(nnlab.engine.__path__[0]).rglob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()


def train_specimens(selected: Sequence[Specimen]) -> Iterator[TrainedSpecimen]:
    """Trains specimens in parallel, in their order."""
    start = time.perf_counter()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "models.py").write_text(MODELS, encoding="utf-8")
        unseen_models.write_models(folder)
        user_model_files.write_models(folder / USER_MODELS)
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
    model = setting.get("model", "")
    if model == "softmax":
        setting["model"] = f"{folder / 'models.py'}:softmax"
        del setting["width"]
    elif ".py:" in model:
        setting["model"] = f"{folder}/{model}"
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
            loss = session.evaluate_split(session.data.test)["loss"]
            risk.append((epoch.number, loss))
    return TrainedSpecimen(specimen, setting_of(config), curves, risk)
