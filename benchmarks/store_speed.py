"""Speed of the store: writing an epoch, bulk import, and ranking 10,000 runs."""

import os
import random
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from timing import TimingComparison, compare_alternately, median_seconds

from nnlab import store
from nnlab.provenance.environment import collect_environment
from nnlab.records import Curve, Epoch, Study
from nnlab.settings import DataFacts, RunConfig, digest_of, resolve, setting_of

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
class Measurement:
    """A measured value with its unit, and its upper limit if there is one."""

    name: str
    value: float
    unit: str
    limit: float | None

    @property
    def is_met(self) -> bool:
        """Whether the value is at most the limit."""
        return self.limit is None or self.value <= self.limit


def measure_epoch_write() -> Measurement:
    """Time to store one epoch of eight metrics: points, summary and lease, flushed to disk."""
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

        seconds = median_seconds(write, 500)
        db.close()
    return Measurement("write of an epoch of 8 metrics", seconds * 1e3, "ms", 2.0)


def measure_bulk_import() -> tuple[TimingComparison, Measurement]:
    """Import of whole curves, compared with executemany of sqlite3 with the same settings."""
    curves = [_curve(name, EPOCHS * 10, index) for index, name in enumerate(METRICS)]
    rows = [
        (index, epoch, value) for index, curve in enumerate(curves, 1) for epoch, value in curve
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

        def import_with_sqlite3() -> None:
            run_id = next(raw_ids)
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany(
                "INSERT INTO point VALUES (?, ?, ?, ?)", [(run_id, *row) for row in rows]
            )
            raw.execute("COMMIT")

        comparison = compare_alternately(
            f"bulk import of {len(rows):,} points",
            lambda: store.import_curves(db, next(run_ids), curves),
            import_with_sqlite3,
            of="sqlite3 executemany",
            rounds=rounds,
            goal=1 / 0.9,
        )
        raw.close()
        db.close()
        size = _bytes_per_point(Path(folder) / "runs.db")
    return comparison, Measurement("bytes per point", size, "bytes", 24.0)


def _bytes_per_point(path: Path) -> float:
    connection = sqlite3.connect(path)
    pages = connection.execute("SELECT sum(pgsize) FROM dbstat WHERE name = 'point'").fetchone()[0]
    count = connection.execute("SELECT count(*) FROM point").fetchone()[0]
    connection.close()
    return float(pages / count)


def fill_database(path: Path, runs: int = RUNS, seeds: int = 1, epochs: int = EPOCHS) -> None:
    """Creates a database of runs with all their curves, by default 100 epochs of 8 metrics."""
    db = store.open_database(str(path), write=True, create=True)
    for run_id in _enqueue(
        db, runs, seeds
    ):  # consecutive from 1; the seeds of a trial are adjacent
        trial = (run_id - 1) // seeds
        curves = [_curve(name, epochs, trial * 10 + i, run_id) for i, name in enumerate(METRICS)]
        store.import_curves(db, run_id, curves)
    with db.write() as connection:
        # As after training: with equal fingerprints, the query need not read the settings.
        connection.exec_driver_sql("UPDATE run SET data_fingerprint = 'same'")
    db.close()


def measure_ranking(path: Path, label: str) -> list[Measurement]:
    """Time of the query of `compare --top 20`, and of the same query for all trials."""
    db = store.open_database(str(path), write=False)

    def rank(top: int | None) -> Callable[[], object]:
        return lambda: store.rank_trials(
            db, metric="val/accuracy", direction="max", at="best", top=top
        )

    results = [
        Measurement(f"rank the top 20 of {label}", median_seconds(rank(20), 50) * 1e3, "ms", 1.0),
        Measurement(f"rank all of {label}", median_seconds(rank(None), 15) * 1e3, "ms", 35.0),
    ]
    db.close()
    return results


def _curve(name: str, epochs: int, trial: int, run: int = 0) -> Curve:
    """A curve with a level for each trial, and noise between seeds and epochs."""
    level, rng = random.Random(trial).random(), random.Random(f"{trial}/{run}")
    level += rng.gauss(0.0, 0.02)
    values = tuple(level + 0.1 * rng.random() / (epoch + 1) for epoch in range(epochs))
    return Curve(name, tuple(range(1, epochs + 1)), values)


def _enqueue(db: store.Database, runs: int, seeds: int = 1) -> tuple[int, ...]:
    facts = DataFacts("classification")
    study: Study = store.create_study(
        db, name="bench", question="", objective=None, space=None, seeds=()
    )
    specs = []
    for number in range(runs):
        setting = setting_of(resolve(RunConfig(lr=1e-4 * (1 + number // seeds)), facts))
        specs.append(store.RunSpec(setting, digest_of(setting), number % seeds, EPOCHS))
    return store.enqueue(db, study, specs).run_ids
