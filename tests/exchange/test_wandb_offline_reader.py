"""The reader of .wandb files, on files that the real package wrote."""

import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from read_logs import ReadRun, read_only_run, read_run

from nnlab.errors import DataError
from nnlab.exchange.log_reader import Audit
from nnlab.exchange.wandb_offline import WandbOfflineReader
from nnlab.exchange.wandb_offline.block_log import BLOCK, HEADER, frame_records
from nnlab.records import Status

pytest.importorskip("wandb", reason="the package wandb writes the logs")

READER = WandbOfflineReader()

_SCRIPT = """
import math, os, signal, sys, time
import numpy as np
import wandb

def start(**options):
    settings = wandb.Settings(console="off", x_disable_meta=False, x_stats_sampling_interval=0.2)
    return wandb.init(project="proj", mode="offline", settings=settings, **options)

"""
_FULL = """
run = start(id="full1234", name="a nice name", group="g", tags=["a", "b"],
            config={"lr": 0.1, "seed": 7, "model": {"layers": 3, "sizes": [1, 2]}, "none": None})
run.define_metric("epoch")
run.define_metric("val/*", step_metric="epoch")
run.define_metric("accuracy", summary="max")
for i in range(20):
    run.log({"loss": 1 / (i + 1), "nested": {"a": i, "b": {"c": i / 2}}, "flag": True, "t": "text"})
    if i % 5 == 4:
        run.log({"val/acc": i / 10, "epoch": i // 5})
run.log({"nan": math.nan, "inf": math.inf, "ninf": -math.inf}, step=100)
run.log({"image": wandb.Image(np.zeros((3, 3, 3), "uint8")), "hist": wandb.Histogram([1, 2])})
run.log({"accuracy": np.float32(0.1), "big": 2**70}, step=200)
run.config.update({"later": 5, "model": {"layers": 4}}, allow_val_change=True)
run.summary["best"] = 3.5
run.summary["remark"] = "good"
run.finish()
"""
_KILLED = """
run = start(id="killed12", config={"lr": 0.1})
for i in range(5000):
    run.log({"loss": float(i)})
time.sleep(1)  # W&B's own process writes what it has, up to the last whole block
os.kill(os.getpid(), signal.SIGKILL)
"""
_FAILED = """
run = start(id="failed12")
run.log({"loss": 1.0})
raise ValueError("no")
"""


def execute(folder: Path, code: str) -> None:
    """Runs a program that logs with wandb, in a folder."""
    environment = {**os.environ, "HOME": str(folder), "WANDB_SILENT": "true"}
    subprocess.run(
        [sys.executable, "-c", _SCRIPT + code, "--lr", "0.1 x"],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a program logged one run."""
    path = tmp_path_factory.mktemp("wandb")
    execute(path, _FULL)
    return path


@pytest.fixture(scope="module")
def full(folder: Path) -> ReadRun:
    return read_only_run(READER, folder)


def wandb_file(folder: Path) -> Path:
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    return file


def test_latest_run_is_no_second_run(folder: Path) -> None:
    assert (folder / "wandb" / "latest-run").is_symlink()
    (run,) = READER.find(folder)
    assert (run.external_id, run.name) == ("full1234", "a nice name")
    # Named by the user, the link is the run.
    (linked,) = READER.find(folder / "wandb" / "latest-run")
    assert linked.external_id == "full1234"


def test_details(full: ReadRun) -> None:
    details = full.details
    assert details.config == {
        "lr": 0.1, "seed": 7, "model": {"layers": 4}, "none": None, "later": 5,
    }  # fmt: skip
    assert details.name == "a nice name"
    assert (details.project, details.group, details.tags) == ("proj", "g", ("a", "b"))
    assert details.seed == 7
    assert details.status is Status.FINISHED
    assert details.command is not None
    assert details.command.endswith("--lr '0.1 x'")
    assert details.started_at is not None
    assert details.ended_at is not None
    assert timedelta(0) < details.ended_at - details.started_at < timedelta(minutes=2)
    assert abs(details.started_at - datetime.now(UTC)) < timedelta(hours=1)
    assert details.directions == {"accuracy": "max"}
    # The configuration is known before the first sample.
    assert full.first_details is not None
    assert full.first_details.config["lr"] == 0.1


def test_results(full: ReadRun) -> None:
    # Without the last values of metrics, which W&B adds to the summary.
    assert full.details.results == {"best": 3.5, "remark": "good", "t": "text"}


def test_samples(full: ReadRun) -> None:
    rows = [i + i // 5 for i in range(20)]  # an evaluation has a step of its own
    assert full.values("loss") == [(row, 1 / (i + 1)) for i, row in enumerate(rows)]
    assert full.values("nested.a") == [(row, i) for i, row in enumerate(rows)]
    assert full.values("nested.b.c") == [(row, i / 2) for i, row in enumerate(rows)]
    assert full.values("flag") == [(row, 1.0) for row in rows]
    evaluations = [s for s in full.samples if s.metric == "val/acc"]
    # Epochs begin with 0 in the log, and are counted from 1.
    assert [(s.value, s.epoch) for s in evaluations] == [
        (0.4, 1.0), (0.9, 2.0), (1.4, 3.0), (1.9, 4.0),
    ]  # fmt: skip
    assert all(s.time is not None and s.time > 1.7e9 for s in evaluations)
    ((step, nan),) = full.values("nan")
    assert step == 100
    assert math.isnan(nan)
    assert full.values("inf") == [(100, math.inf)]
    assert full.values("ninf") == [(100, -math.inf)]
    import numpy as np

    assert full.values("accuracy") == [(200, float(np.float32(0.1)))]
    assert full.values("big") == [(200, float(2**70))]
    logged = [metric for metric in full.metrics if not metric.startswith("system/")]
    assert set(logged) == {
        *("loss", "nested.a", "nested.b.c", "flag", "val/acc", "nan", "inf", "ninf"),
        *("accuracy", "big"),
    }


def test_notes(full: ReadRun) -> None:
    assert full.notes == {"not-a-number": 20, "epochs-from-0": 1, "not-imported": 2}


def test_a_killed_run(tmp_path: Path) -> None:
    execute(tmp_path, _KILLED)
    read = read_only_run(READER, tmp_path)
    losses = read.values("loss")
    assert len(losses) > 500
    assert losses == [(step, step) for step in range(len(losses))]
    assert read.details.status is Status.RUNNING
    assert read.details.ended_at is None
    assert read.details.config == {"lr": 0.1}
    assert set(read.notes) <= {"truncated"}


def test_a_failed_run(tmp_path: Path) -> None:
    execute(tmp_path, _FAILED)
    read = read_only_run(READER, tmp_path)
    assert read.details.status is Status.FAILED
    assert read.values("loss") == [(0, 1.0)]


def test_a_growing_file_is_read_on_from_where_it_ended(folder: Path, tmp_path: Path) -> None:
    content = wandb_file(folder).read_bytes()
    file = tmp_path / "offline-run-20260101_000000-full1234" / "run-full1234.wandb"
    file.parent.mkdir()
    samples = []
    position = None
    for size in [*range(1, len(content), 613), len(content)]:
        file.write_bytes(content[:size])
        (run,) = READER.find(tmp_path)
        read = read_run(READER, run, position)
        assert not read.restarted
        samples += read.samples
        position = json.loads(json.dumps(read.position))
    whole = read_only_run(READER, folder)
    assert repr(samples) == repr(whole.samples)  # NaN differs from itself
    assert repr(read.details) == repr(whole.details)


def test_a_resumed_run_has_several_files(folder: Path, tmp_path: Path) -> None:
    content = wandb_file(folder).read_bytes()
    for time in ("20260102_000000", "20260101_000000"):
        file = tmp_path / f"run-{time}-full1234" / "run-full1234.wandb"
        file.parent.mkdir()
        file.write_bytes(content)
    (run,) = READER.find(tmp_path)
    assert [path.parent.name[4:12] for path in run.paths] == ["20260101", "20260102"]
    read = read_run(READER, run)
    assert len(read.values("loss")) == 40
    assert read.notes["purged"] == 1


def test_a_damaged_block_is_left_out(folder: Path, tmp_path: Path) -> None:
    execute(tmp_path, _KILLED)
    file = wandb_file(tmp_path)
    content = bytearray(file.read_bytes())
    before = len(read_only_run(READER, tmp_path).values("loss"))
    content[5 * BLOCK + 1000] ^= 1
    file.write_bytes(content)
    read = read_only_run(READER, tmp_path)
    losses = read.values("loss")
    assert all(step == value for step, value in losses)
    assert 0 < before - len(losses) < 150
    assert read.notes["checksum"] == 1


def test_records_across_blocks(tmp_path: Path) -> None:
    import io

    from nnlab.exchange.wandb_offline.block_log import read_records

    records = [bytes([i % 256]) * size for i, size in enumerate((0, 10, BLOCK - 30, 3 * BLOCK, 1))]
    framed = HEADER + b"".join(frame_records(iter(records), len(HEADER)))
    audit = Audit()
    file = io.BytesIO(framed)
    read = [r for batch, _ in read_records(file, len(HEADER), audit) for r in batch]
    assert read == records
    assert audit.notes == ()


def test_files_of_other_kinds(tmp_path: Path) -> None:
    (tmp_path / "run-a.wandb").write_bytes(b"no file of W&B")
    assert list(READER.find(tmp_path)) == []
    (tmp_path / "run-b.wandb").write_bytes(HEADER)
    (run,) = READER.find(tmp_path)
    (tmp_path / "run-b.wandb").write_bytes(b"replaced meanwhile")
    with pytest.raises(DataError, match="no file of W&B"):
        list(READER.read(run, None, Audit()))
