"""Runs in a database for the tests of `nnlab export --to`."""

import math
from datetime import UTC, datetime
from pathlib import Path

from nnlab import store
from nnlab.exchange.exported_runs import exported_runs
from nnlab.exchange.log_writer import ExportedRun
from nnlab.exchange.write_log import write_log
from nnlab.exchange.writers import WRITERS
from nnlab.records import Objective, Origin, Run, Sample, Setting, Status
from nnlab.store.samples import SampleWriter

CONFIG = {"lr": 0.1, "model": {"layers": 3, "sizes": [1, 2]}, "opt": "adam", "bn": True, "x": None}
SETTING: Setting = {
    "lr": 0.1, "model.layers": 3, "model.sizes": "[1, 2]", "opt": "adam", "bn": True, "x": None,
}  # fmt: skip
# Values that float32 does not have, that are not finite, and names that need care.
CALLS: tuple[tuple[Sample, ...], ...] = (
    (Sample("train/loss", 0.1, 0, None, 1.7e9), Sample("lr", 1e-3, 0, None, 1.7e9)),
    (Sample("train/loss", 1 / 3, 10, None, 1.7e9 + 1.25),),
    (
        Sample("val/loss", math.pi, 20, 1.0, 1.7e9 + 2),
        Sample("val/größe \"a\" <b>", 2.0, 20, 1.0, 1.7e9 + 2),
    ),
    (Sample("train/loss", math.nan, 30, None, 1.7e9 + 3), Sample("lr", 1e300, 30, None, 1.7e9 + 3)),
    (Sample("train/loss", math.inf, 40, None, 1.7e9), Sample("lr", -math.inf, 40, None, 1.7e9)),
)  # fmt: skip
# The step goes back, and repeats.
RESTARTED: tuple[tuple[Sample, ...], ...] = (
    (Sample("loss", 3.0, 1, None, 1.7e9),),
    (Sample("loss", 2.0, 2, None, 1.7e9 + 1),),
    (Sample("loss", 2.5, 2, None, 1.7e9 + 2),),
    (Sample("loss", 1.5, 1, None, 1.7e9 + 3),),
    (Sample("loss", 1.0, 2, None, 1.7e9 + 4),),
)


def record(
    db: store.Database,
    calls: tuple[tuple[Sample, ...], ...] = CALLS,
    *,
    name: str | None = "first try",
    seed: int | None = 3,
    setting: store.ExternalRunSpec | None = None,
) -> Run:
    """A finished run of another program with these log calls."""
    run = store.create_external_run(
        db,
        setting
        or store.ExternalRunSpec(
            study="lm",
            setting=SETTING,
            nested_setting=CONFIG,
            seed=seed,
            origin=Origin.RECORDED,
            name=name,
            tags=("a", "b c"),
            objective=Objective("val/loss", "min"),
            created_at=datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC),
        ),
    )
    claim = store.claim(
        db, run_ids=[run.id], pid=1, command="python train.py --lr 0.1", hostname="host"
    )
    assert claim is not None
    writer = SampleWriter(db, run.id, claim=claim)
    writer.begin(None)
    for call in calls:
        writer.log(call)
    writer.complete_points()
    store.put_results(db, claim, {"best": 0.1, "steps": 7, "remark": "good"})
    writer.finish(Status.FINISHED, wall_seconds=1.0)
    (stored,) = store.runs(db, run_ids=[run.id])
    return stored


def export(db: store.Database, runs: tuple[Run, ...], kind: str, output: Path) -> tuple[Path, ...]:
    """Writes runs; returns the files."""
    return write_log(WRITERS[kind], exported_runs(db, runs), output, force=False)


def sample_rows(exported: ExportedRun) -> list[tuple[int, Sample]]:
    """All samples with the number of their call."""
    return list(exported.samples())


def same(left: float, right: float) -> bool:
    """Whether two numbers are equal; NaN equals itself."""
    return left == right or (math.isnan(left) and math.isnan(right))
