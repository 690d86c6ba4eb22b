"""Makes the database of the newest revision: run once when a revision is released, and kept.

python tests/store/assets/make.py
"""

import math
import os
from pathlib import Path

from nnlab import store
from nnlab.records import (
    Arm,
    Artifact,
    Comparison,
    Environment,
    Epoch,
    Finding,
    Objective,
    Origin,
    Sample,
    Sampler,
    Setting,
    Severity,
    Source,
    SourceNote,
    Status,
    Study,
)
from nnlab.store.file_copy import copy_to_file
from nnlab.store.schema import HEAD

ENVIRONMENT = Environment(
    hostname="bench", platform="Linux", python="3.11.7", torch="2.13.0", nnlab="0.1.0",
    packages={"numpy": "2.0"}, device="cpu", threads=1, git_commit="0123abc", git_dirty=False,
)  # fmt: skip

LOWER = Comparison(
    "large ends lower", "val/loss", "last", "difference", ("small", "large"), 0.0, None
)


def make(destination: Path) -> None:
    """A study of two settings: a run that is finished, one that was interrupted, one that waits."""
    working = destination.with_suffix(".making")
    db = store.open_database(str(working), write=True, create=True)
    study = store.create_study(
        db,
        name="depth",
        question="How deep?",
        objective=Objective.parse("val/loss"),
        space={"lr": (0.1, 0.2), "opt": ("sgd",)},
        seeds=(0, 1),
        claim="A larger lr ends lower.",
        arms=[Arm("small", ("digest-0.1",)), Arm("large", ("digest-0.2",))],
        comparisons=[LOWER],
        sampler=Sampler("random", {"trials": 2}),
    )
    settings: list[tuple[Setting, str]] = [
        ({"lr": lr, "opt": "sgd"}, f"digest-{lr}") for lr in (0.1, 0.2)
    ]
    plans = [
        store.RunSpec(setting, digest, seed, 2, "baseline", ("first",))
        for seed in (0, 1)
        for setting, digest in settings
    ][:3]
    first, second, _ = store.enqueue(db, study, plans).run_ids
    _train(db, first, (0.5, 0.25), Status.FINISHED)
    _train(db, second, (0.75,), Status.INTERRUPTED)
    _record(db)
    _test_candidate(db, study)
    copy_to_file(db, destination)
    db.close()
    working.unlink()


def _train(db: store.Database, run_id: int, losses: tuple[float, ...], status: Status) -> None:
    claim = store.claim(
        db, ENVIRONMENT, run_ids=[run_id], pid=os.getpid(), command="nnlab train", hostname="bench"
    )
    assert claim is not None
    writer = store.RunWriter(db, claim, data_fingerprint="feed", engine="solo")
    for number, loss in enumerate(losses, start=1):
        writer.write(Epoch(number, {"train/loss": loss / 2, "val/loss": loss}, 0.1))
    done = status is Status.FINISHED
    writer.finish(
        status,
        selected_epoch=2 if done else None,
        reason=None if done else "stopped",
        wall_seconds=1.0,
        device_seconds=0.5,
        findings=[
            Finding(
                "NN101", "overfitting", Severity.WARNING, 0.9, 2, "val/loss rose", "stop earlier",
                {"rise": 0.1},
            )
        ] if done else (),
        artifacts=[Artifact(run_id, "model", f"{run_id}/model.pt", "00", 0)] if done else (),
        pruned_at=2 if done else None,
        peak_bytes=1 << 20,
    )  # fmt: skip


def _test_candidate(db: store.Database, study: Study) -> None:
    """A ledger: a baseline, and a candidate that was kept."""
    objective = Objective.parse("val/loss")
    store.register_baseline(db, study.id, 1, objective)
    entry = store.register_candidate(
        db, study.id, baseline_trial=1, candidate_trial=2, objective=objective, min_effect=0.0,
        max_seeds=10, next_level=lambda p_values: 0.05 / (1 + len(p_values)),
    )  # fmt: skip
    store.put_gate_result(
        db, entry.id, verdict="keep", p=0.01, effect=0.5, low=0.25, high=math.inf, seeds=(0, 1),
        expected_left=0.0, reason="better",
    )  # fmt: skip


def _record(db: store.Database) -> None:
    """A run of another program with a nested setting, an unknown seed and a source."""
    spec = store.ExternalRunSpec(
        study="lm",
        setting={"model.layers": 2},
        nested_setting={"model": {"layers": 2}},
        origin=Origin.IMPORTED,
    )
    run = store.create_external_run(db, spec)
    writer = store.SampleWriter(db, run.id)
    writer.log([Sample("train/loss", 0.5, step=10, time=1.0), Sample("val/loss", 0.75, step=10)])
    writer.complete_points()
    source = Source(
        run.id, "csv", "a.csv", "a.csv", run.created_at, {"offset": 9}, {"val/loss": "eval_loss"},
        (SourceNote("truncated", "the last row is incomplete"),),
    )  # fmt: skip
    store.put_source(db, source)
    store.define_metric(db, "val/gini", "max")


if __name__ == "__main__":
    make(Path(__file__).parent / f"revision-{HEAD}.db")
