"""Queued and claimed runs, and callbacks that record events; shared by the worker tests."""

import os
import socket
from dataclasses import dataclass, field
from typing import Any

from nnlab import store
from nnlab.engine.data import dataset_facts
from nnlab.records import Epoch, Run, Status
from nnlab.settings import RunConfig, digest_of, resolve, setting_of
from nnlab.workers.callbacks import RunResult


@dataclass
class Notes:
    """A listener that keeps what it is told."""

    epochs: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    over: list[RunResult] = field(default_factory=list)
    on_epoch: Any = None

    def on_run_start(self, run: Run, epoch: int) -> None: ...

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        self.epochs.append(epoch.number)
        if self.on_epoch:
            self.on_epoch(epoch)

    def on_note(self, run: Run, message: str) -> None:
        self.notes.append(message)

    def on_run_end(self, result: RunResult) -> None:
        self.over.append(result)


def queued(db: store.Database, **settings: Any) -> int:
    small = {"data": "iris", "width": 4, "depth": 1, "epochs": 4, "device": "cpu"}
    config = RunConfig(**(small | settings))  # type: ignore[arg-type]
    setting = setting_of(resolve(config, dataset_facts("iris")))
    study = store.create_study(db, name="s", question="", objective=None, space=None, seeds=())
    plan = store.RunSpec(setting, digest_of(setting), 0, int(settings.get("epochs", 4)))
    return store.enqueue(db, study, [plan]).run_ids[0]


def claimed(db: store.Database, run_id: int, lease_seconds: float = 60.0) -> store.Claim:
    claims = store.claim(
        db,
        run_ids=[run_id],
        hostname=socket.gethostname(),
        pid=os.getpid(),
        command="test",
        lease_seconds=lease_seconds,
    )
    assert claims is not None
    return claims


def waiting(db: store.Database, run_ids: list[int]) -> list[int]:
    """The runs that nobody has taken yet."""
    return [run.id for run in store.runs(db, run_ids=run_ids) if run.status is Status.QUEUED]
