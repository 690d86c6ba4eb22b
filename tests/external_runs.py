"""A database with runs of other programs: odd names, unknown seeds, steps, missing values."""

import math
import os
import random
import socket
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.records import Objective, Origin, Sample, Source, SourceNote, Status

# Names of nnlab's fields with values that nnlab's fields cannot have.
FIELD_NAMES: Mapping[str, Any] = {
    "data": "imagenet-w21", "loss": 3.5, "epochs": "many", "objective": "make money", "metrics": 7,
    "opt": "my:optimizer", "model": "resnet", "seed": 4, "task": "x.py:T", "width": "wide",
    "depth": None, "decay": 0.1, "train_size": "all", "batch_size": "auto", "plugin_versions": 3,
    "start_from": "elsewhere", "stop_on": "NN999", "data_version": True, "task_directions": 5,
    "arguments": "--x", "model.width": "[1, 2]", "l1": 0.0, "loader_workers": 8,
}  # fmt: skip


def add_run(
    db: store.Database,
    study: str,
    setting: Mapping[str, Any],
    calls: Sequence[Sequence[Sample]],
    *,
    seed: int | None = None,
    origin: Origin = Origin.RECORDED,
    objective: str | None = None,
    status: Status = Status.FINISHED,
    nested: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> int:
    """Records a run of another program with the samples of its log calls; returns its id."""
    spec = store.ExternalRunSpec(
        study,
        setting,
        origin,
        seed=seed,
        nested_setting=nested,
        name=name,
        objective=None if objective is None else Objective.parse(objective),
    )
    run = store.create_external_run(db, spec)
    claim = store.claim(
        db,
        run_ids=[run.id],
        pid=os.getpid(),
        command="python train.py",
        hostname=socket.gethostname(),
    )
    assert claim is not None
    writer = store.SampleWriter(db, run.id, claim=claim)
    writer.write([store.SampleCall(seq, tuple(call)) for seq, call in enumerate(calls)])
    writer.complete_points()
    writer.finish(status, wall_seconds=12.5)
    return run.id


def step_calls(
    start: float, *, every: int = 500, evaluations: int = 8, seed: int = 0, metric: str = "val/loss"
) -> list[list[Sample]]:
    """The log calls of a run that logs its training loss and evaluates every so many steps."""
    noise = random.Random(seed)
    calls = []
    for step in range(every // 5, every * evaluations + 1, every // 5):
        loss = start * math.exp(-step / (every * 4)) + 0.02 * noise.random()
        calls.append([Sample("train/loss", loss, step=step, time=1e9 + step)])
        if step % every == 0:
            calls.append([Sample(metric, loss * 1.1, step=step, time=1e9 + step)])
    return calls


def epoch_calls(start: float, *, epochs: int = 10, seed: int = 0) -> list[list[Sample]]:
    """The log calls of a run that logs losses and accuracies at the end of each epoch."""
    noise = random.Random(seed)
    calls = []
    for epoch in range(1, epochs + 1):
        loss = start * math.exp(-epoch / 5) + 0.02 * noise.random()
        calls.append(
            [
                Sample("train/loss", loss, epoch=epoch, time=1e9 + epoch),
                Sample("val/loss", loss * 1.1, epoch=epoch, time=1e9 + epoch),
                Sample("val/accuracy", 1 - loss / 10, epoch=epoch, time=1e9 + epoch),
                Sample("lr", 0.1, epoch=epoch, time=1e9 + epoch),
            ]
        )
    return calls


def fill_database(path: Path) -> None:
    """Fills a database with studies of other programs, each with its own oddities."""
    with closing(store.open_database(str(path), write=True, create=True)) as db:
        for lr in (0.1, 0.01, 0.001):
            for repeat in range(3):  # several runs with unknown seeds of one trial
                add_run(
                    db,
                    "steps",
                    {"lr": lr, "model.layers": 12},
                    step_calls(2 + math.log10(lr) / 4, seed=repeat),
                    objective="val/loss",
                    nested={"lr": lr, "model": {"layers": 12}},
                )
        for index, lr in enumerate((0.1, 0.01, 0.001)):
            for width in (64, 128):
                for seed in range(4):
                    setting = {**FIELD_NAMES, "lr": lr, "width": width}
                    calls = epoch_calls(1 + index / 2 + width / 1000, seed=seed)
                    add_run(
                        db, "epochs", setting, calls, seed=seed, objective="val/accuracy",
                        origin=Origin.SCRIPT,
                    )  # fmt: skip
        for index, batch in enumerate((16, "32", None)):
            run_id = add_run(
                db,
                "imported",
                {"batch": batch, "dataset": "wiki", "note=odd;": "[red]x[/red] <b>\n"},
                step_calls(2 + index, seed=index, metric="val/gini"),
                origin=Origin.IMPORTED,
                objective=None,
                name=f"nice-sweep-{index}",
            )
            store.put_source(
                db,
                Source(
                    run_id, "wandb", f"abc{index}", "/logs/run.wandb", datetime.now(UTC), None,
                    {"val/gini": "val_gini"}, (SourceNote("truncated", "the log is cut off", 1),),
                ),
            )  # fmt: skip
        add_run(db, "odd", {}, [[Sample("train/loss", 1.0, step=-1)]], origin=Origin.IMPORTED)
        add_run(db, "odd", {"a": 1}, [], status=Status.FAILED)
        add_run(
            db, "odd", {"a": 2},
            [[Sample("val/loss", math.nan, step=0)], [Sample("val/loss", math.inf, step=2**70)]],
            status=Status.DIVERGED,
        )  # fmt: skip
        add_run(
            db, "odd", {"a": "x"}, [[Sample("reward", float(i), step=i)] for i in range(50)],
            origin=Origin.IMPORTED,
        )  # fmt: skip
        add_run(db, "odd", {"dataset": "b"}, step_calls(1), seed=0)
        add_run(db, "odd", {"dataset": "c"}, step_calls(2), seed=2**40)
