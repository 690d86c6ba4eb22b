"""The store: the write of an epoch, bulk import, and ranking 10,000 runs."""

import os
import random
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measure import Compared, in_turn, median_of

from nnlab import store
from nnlab.config import DataFacts, RunConfig, digest_of, resolve, setting_of
from nnlab.records import Curve, Epoch, Study
from nnlab.workers.provenance import collect_environment

METRICS = (
    "train/loss",
    "train/accuracy",
    "train/grad_norm",
    "val/loss",
    "val/accuracy",
    "lr",
    "time/epoch",
    "val/loss_exact",
)
RUNS, EPOCHS = 10_000, 100


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure, a time in milliseconds or bytes a point, and its limit if it has one."""

    name: str
    value: float
    unit: str
    limit: float | None

    @property
    def met(self) -> bool:
        """Whether the figure is within its limit."""
        return self.limit is None or self.value <= self.limit


def epoch_write() -> Measured:
    """One epoch of eight metrics: points, summary, lease, flushed to the disk."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        db = store.open_database(str(Path(folder) / "runs.db"), write=True, create=True)
        (run_id,) = _enqueue(db, 1)
        claim = store.claim(
            db, run_ids=[run_id], hostname="here", pid=os.getpid(), command="benchmark"
        )
        assert claim is not None
        writer = store.RunWriter(
            db,
            claim,
            environment=collect_environment("cpu", 1),
            data_fingerprint="x",
            resume_after=0,
        )
        numbers = iter(range(1, 1_000_000))

        def write() -> None:
            number = next(numbers)
            writer.write(Epoch(number, dict.fromkeys(METRICS, 1.0 / number), 0.1))

        seconds = median_of(write, 500)
        db.close()
    return Measured("write of an epoch of 8 metrics", seconds * 1e3, "ms", 2.0)


def bulk_import() -> tuple[Compared, Measured]:
    """Whole curves into the database, against sqlite3's own executemany with the same settings."""
    curves = [_curve(name, EPOCHS * 10, place) for place, name in enumerate(METRICS)]
    rows = [
        (place, epoch, value) for place, curve in enumerate(curves, 1) for epoch, value in curve
    ]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        raw = sqlite3.connect(Path(folder) / "raw.db", isolation_level=None)
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute(
            "CREATE TABLE point (run_id INTEGER, metric_id INTEGER, epoch INTEGER, value REAL,"
            " PRIMARY KEY (run_id, metric_id, epoch)) WITHOUT ROWID"
        )
        db = store.open_database(str(Path(folder) / "runs.db"), write=True, create=True)
        rounds = 20
        run_ids = iter(_enqueue(db, rounds + 1))
        raw_ids = iter(range(rounds + 1))

        def by_hand() -> None:
            run_id = next(raw_ids)
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany(
                "INSERT INTO point VALUES (?, ?, ?, ?)", [(run_id, *row) for row in rows]
            )
            raw.execute("COMMIT")

        compared = in_turn(
            f"bulk import of {len(rows):,} points",
            lambda: store.import_curves(db, next(run_ids), curves),
            by_hand,
            of="sqlite3 executemany",
            rounds=rounds,
            goal=1 / 0.9,
        )
        raw.close()
        db.close()
        size = _bytes_a_point(Path(folder) / "runs.db")
    return compared, Measured("bytes a point", size, "bytes", 24.0)


def _bytes_a_point(path: Path) -> float:
    connection = sqlite3.connect(path)
    pages = connection.execute("SELECT sum(pgsize) FROM dbstat WHERE name = 'point'").fetchone()[0]
    count = connection.execute("SELECT count(*) FROM point").fetchone()[0]
    connection.close()
    return float(pages / count)


def fill(path: Path, runs: int = RUNS, seeds: int = 1, epochs: int = EPOCHS) -> None:
    """A database of so many finished-looking runs, by default 100 epochs of 8 metrics each."""
    db = store.open_database(str(path), write=True, create=True)
    for run_id in _enqueue(db, runs, seeds):  # numbered from 1, a trial's seeds in a row
        trial = (run_id - 1) // seeds
        curves = [_curve(name, epochs, trial * 10 + i, run_id) for i, name in enumerate(METRICS)]
        store.import_curves(db, run_id, curves)
    with db.write() as connection:
        # As training leaves it: that all have the same data is then known without their settings.
        connection.exec_driver_sql("UPDATE run SET data_fingerprint = 'same'")
    db.close()


def ranking(path: Path, label: str) -> list[Measured]:
    """The query behind `compare --top 20`, and of all."""
    db = store.open_database(str(path), write=False)

    def rank(top: int | None) -> Callable[[], object]:
        return lambda: store.rank_trials(
            db, metric="val/accuracy", direction="max", at="best", top=top
        )

    found = [
        Measured(f"rank the top 20 of {label}", median_of(rank(20), 50) * 1e3, "ms", 1.0),
        Measured(f"rank all of {label}", median_of(rank(None), 15) * 1e3, "ms", 35.0),
    ]
    db.close()
    return found


def _curve(name: str, epochs: int, trial: int, run: int = 0) -> Curve:
    """A level of its own for each trial, some scatter from seed to seed and epoch to epoch."""
    level, draw = random.Random(trial).random(), random.Random(f"{trial}/{run}")
    level += draw.gauss(0.0, 0.02)
    values = tuple(level + 0.1 * draw.random() / (epoch + 1) for epoch in range(epochs))
    return Curve(name, tuple(range(1, epochs + 1)), values)


def _enqueue(db: store.Database, runs: int, seeds: int = 1) -> tuple[int, ...]:
    facts = DataFacts("classification")
    study: Study = store.create_study(
        db, name="bench", question="", objective=None, space=None, seeds=()
    )
    plans = []
    for number in range(runs):
        setting = setting_of(resolve(RunConfig(lr=1e-4 * (1 + number // seeds)), facts))
        plans.append(store.RunSpec(setting, digest_of(setting), number % seeds, EPOCHS))
    return store.enqueue(db, study, plans).run_ids
