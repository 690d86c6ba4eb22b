"""The reader of trackio's databases, on what trackio itself writes."""

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from log_examples import write_trackio
from log_readings import Reading, read_one, read_path, read_run

from nnlab.exchange.trackio_sqlite import TrackioReader, default_folder

_SCRIPT = """
import os, trackio
run = trackio.init(project="my digits", name="one", embed=False,
                   config={"lr": 0.1, "model": {"layers": 3}, "seed": 4})
for step in range(5):
    value = [0.5, 0.5, float("nan"), float("inf"), -float("inf")][step]
    trackio.log({"loss": 1 / (step + 1), "val/loss": value, "epoch": step, "opt": {"a": step}})
trackio.finish()
trackio.init(project="my digits", name="two", embed=False, group="sweep")
trackio.log({"loss": 1.0}, step=10)
trackio.log({"loss": 2.0}, step=10)
trackio.finish()
"""


@pytest.fixture(scope="module")
def readings(run_script: Callable[..., Path]) -> dict[str, Reading]:
    """The readings of the two runs, by name."""
    folder = run_script("trackio", _SCRIPT, TRACKIO_DIR="data")
    return {reading.run.name: reading for reading in read_path(TrackioReader(), folder)}


def test_values_are_those_that_were_logged(readings: dict[str, Reading]) -> None:
    one = readings["one"]
    assert one.curve("loss") == [(step, step, 1 / (step + 1)) for step in range(5)]
    values = [value for _, _, value in one.curve("val/loss")]
    assert values[:2] == [0.5, 0.5]
    assert math.isnan(values[2])
    assert values[3:] == [math.inf, -math.inf]
    assert one.curve("opt.a")[3] == (3, 3.0, 3.0)
    assert readings["two"].curve("loss") == [(10, None, 1.0), (10, None, 2.0)]
    assert all(sample.time is not None for sample in one.samples)


def test_configuration_group_and_seed(readings: dict[str, Reading]) -> None:
    details = readings["one"].details
    assert details.config == {"lr": 0.1, "model": {"layers": 3}, "seed": 4}
    assert (details.seed, details.project, details.group) == (4, "mydigits", None)
    assert readings["two"].details.group == "sweep"
    assert details.started_at is not None


def test_a_database_in_use_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    path = write_trackio(tmp_path)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("PRAGMA wal_autocheckpoint=0")
        first = read_one(TrackioReader(), tmp_path)
        with writer:
            writer.execute(
                "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics)"
                " SELECT run_id, timestamp, run_name, 7, '{\"loss\": 7}' FROM metrics LIMIT 1"
            )
        second = read_run(TrackioReader(), first.run, first.position)
    assert second.curve("loss") == [(7, None, 7.0)]
    read_one(TrackioReader(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_rows_before_run_ids_belong_to_the_run_of_that_name(tmp_path: Path) -> None:
    path = write_trackio(tmp_path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("ALTER TABLE metrics DROP COLUMN run_id")
        db.execute("ALTER TABLE configs DROP COLUMN run_id")
    reading = read_one(TrackioReader(), tmp_path)
    assert (reading.run.external_id, reading.details.seed) == ("digits/owl", 4)
    assert len(reading.samples) == 2


def test_the_folder_of_trackio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", "/data/trackio")
    assert default_folder() == Path("/data/trackio")
    monkeypatch.delenv("TRACKIO_DIR")
    monkeypatch.setenv("HF_HOME", "/data/hf")
    assert default_folder() == Path("/data/hf/trackio")
