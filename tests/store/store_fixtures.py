"""`StoreHarness`: a database with a study, and short ways to queue, claim and train runs."""

import os
import pickle
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnlab import store
from nnlab.errors import NnlabError
from nnlab.records import Environment, Epoch, Objective, Setting, Status, Study
from nnlab.settings import digest_of
from nnlab.store.sqlite import FileDatabase

ENVIRONMENT = Environment(
    hostname="bench", platform="Linux", python="3.11", torch="2.13", nnlab="0.1",
    packages={"numpy": "2.0"}, device="cpu", threads=1,
)  # fmt: skip


@dataclass(frozen=True)
class StoreHarness:
    """A database and a study; `worker` is the database as those who train have it."""

    db: store.Database
    study: Study
    worker: store.AnyDatabase

    @property
    def file(self) -> FileDatabase:
        """The same, where a test is about the file."""
        assert isinstance(self.db, FileDatabase)
        return self.db

    def plans(
        self, trials: int = 1, seeds: Sequence[int] = (0,), epochs: int = 3, name: str | None = None
    ) -> list[store.RunSpec]:
        settings: list[Setting] = [{"lr": 0.1 * (n + 1), "opt": "sgd"} for n in range(trials)]
        return [
            store.RunSpec(setting, digest_of(setting), seed, epochs, name)
            for seed in seeds
            for setting in settings
        ]

    def queue(self, trials: int = 1, seeds: Sequence[int] = (0,)) -> tuple[int, ...]:
        return store.enqueue(self.db, self.study, self.plans(trials, seeds)).run_ids

    def claim(
        self,
        run_ids: Sequence[int],
        *,
        pid: int | None = None,
        hostname: str | None = None,
        lease_seconds: float = 60.0,
        now: float | None = None,
    ) -> store.Claim | None:
        return store.claim(
            self.worker,
            ENVIRONMENT,
            run_ids=run_ids,
            pid=os.getpid() if pid is None else pid,
            command="nnlab train",
            hostname=hostname or socket.gethostname(),
            lease_seconds=lease_seconds,
            now=now,
        )

    def writer(self, run_ids: Sequence[int], resume_after: int = 0) -> store.RunWriter:
        claimed = self.claim(run_ids)
        assert claimed is not None
        return store.RunWriter(self.worker, claimed, resume_after=resume_after)

    def train(self, run_id: int, *values: float, metric: str = "val/loss") -> None:
        """A whole run whose metric takes these values."""
        writer = self.writer([run_id])
        for number, value in enumerate(values, start=1):
            writer.write(Epoch(number, {metric: value}, 0.1))
        finish(writer)

    def curve(self, run_id: int, metric: str = "val/loss") -> dict[int, float]:
        history = store.history(self.db, run_id).get(metric)
        return dict(history) if history else {}

    def status(self, run_id: int) -> Status:
        return store.runs(self.db, run_ids=[run_id])[0].status


def finish(writer: store.RunWriter, status: Status = Status.FINISHED) -> None:
    writer.finish(status, selected_epoch=1, reason=None, wall_seconds=2.0, device_seconds=1.5)


def copy_harness(empty_harness: Path, folder: Path) -> StoreHarness:
    """A database of its own without the tenth of a second that making one takes."""
    shutil.copy(empty_harness, folder / "runs.db")
    return make_harness(folder / "runs.db")


def asked_by_post(db: store.Database) -> store.RemoteDatabase:
    """The database as a worker elsewhere has it: all that is asked and answered is pickled."""

    def ask(question: store.RpcRequest) -> object:
        sent = pickle.loads(pickle.dumps(question))
        try:
            return pickle.loads(pickle.dumps(store.execute_request(db, sent)))
        except NnlabError as error:
            raise pickle.loads(pickle.dumps(error)) from None

    return store.RemoteDatabase(db.address, ask)


def make_harness(place: Path | str, *, by_post: bool = False, **options: float) -> StoreHarness:
    db = store.open_database(str(place), write=True, create=True, **options)  # type: ignore[arg-type]
    study = store.create_study(
        db,
        name="depth",
        question="How deep?",
        objective=Objective.parse("val/loss"),
        space=None,
        seeds=(),
    )
    return StoreHarness(db, study, asked_by_post(db) if by_post else db)
