"""A server that becomes unreachable during training: every epoch is stored exactly once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import postgres_server
import pytest
from command_line_runner import QUICK, Nnlab

from nnlab import store
from nnlab.errors import ConnectionLost
from nnlab.io.folders import LocalFolder
from nnlab.records import Epoch, Status
from nnlab.study import training
from nnlab.workers import spool
from nnlab.workers.spool import (
    EpochDelivery,
    Spool,
    deliver_spooled_epochs,
    retry_when_disconnected,
)

STUDY = (
    "init-study", "gone", "--data", "iris", "--width", "8", "--depth", "1",
    "--opt", "sgd,adam", "--seeds", "2", "--epochs", "300", "--probe", "none",
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[postgres_server.Server]:
    """A server of the test's own, which it may stop."""
    if why := postgres_server.why_not() or postgres_server.why_none_of_our_own():
        pytest.skip(why)
    with postgres_server.server() as started_server:
        yield started_server


def train(url: str, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "nnlab", "train", "--study", "gone", "--db", url, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NNLAB_DEVICES": "cpu:2"},
    )


def points(url: str) -> int:
    db = store.open_database(url, write=False)
    try:
        return store.database_status(db).row_counts["point"]
    finally:
        db.close()


def wait_for(url: str, more_than: int) -> int:
    for _ in range(600):
        if (result := points(url)) > more_than:
            return result
        time.sleep(0.05)
    raise AssertionError("nothing was stored")


def curves(url: str) -> dict[tuple[str, int], str]:
    """What was measured, but for times, by trial and seed."""
    db = store.open_database(url, write=False)
    try:
        runs = {run.id: run for run in store.runs(db)}
        assert {run.status for run in runs.values()} == {Status.FINISHED}
        assert store.find_problems(db) == []
        return {
            (runs[number].trial.digest, runs[number].known_seed): str(
                {
                    name: history_curves[name]
                    for name in sorted(history_curves)
                    if not name.startswith("time/")
                }
            )
            for number, history in store.histories(db, list(runs)).items()
            for history_curves in [history.curves]
        }
    finally:
        db.close()


@pytest.mark.parametrize("engine", ["solo", "stacked"])
def test_a_server_that_stops_and_starts_under_load_loses_nothing(
    server: postgres_server.Server, nnlab: Nnlab, engine: str
) -> None:
    nnlab(*STUDY)
    nnlab("train", "--study", "gone", "--quiet", "--engine", engine)
    nnlab(*STUDY, "--db", server.url)
    worker = train(server.url, "--engine", engine)
    seen = 0
    for how in ("immediate", "fast"):
        seen = wait_for(server.url, seen)
        server.stop(how)
        time.sleep(1.5)
        server.start()
    text, _ = worker.communicate(timeout=120)
    assert worker.returncode == 0, text
    assert "cannot be reached" in text
    assert "was reached again" in text
    assert curves(server.url) == curves("runs.db")


def test_what_a_dead_worker_kept_is_stored_by_the_next(
    server: postgres_server.Server, nnlab: Nnlab, tmp_path: Path
) -> None:
    study = [word if word != "2" else "1" for word in STUDY]
    nnlab(*study)
    nnlab("train", "--study", "gone", "--quiet", "--engine", "solo")
    url = f"{server.url}?artifacts={tmp_path / 'files'}"
    nnlab(*study, "--db", url)
    words = ("--engine", "solo", "--devices", "cpu:1", "--checkpoint-every", "5")
    worker = train(url, *words)
    wait_for(url, 0)
    server.stop("immediate")
    time.sleep(1.0)
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    server.start()
    kept = list((tmp_path / "files").glob("*/*.waiting"))
    assert kept
    worker = train(url, *words)
    text, _ = worker.communicate(timeout=120)
    assert worker.returncode == 0, text
    assert curves(url) == curves("runs.db")
    assert not list((tmp_path / "files").glob("*/*.waiting"))


class _Store:
    """A store that is there or away, as the test says."""

    def __init__(self) -> None:
        self.there = True
        self.tries = 0
        self.stored: list[int] = []

    def write_all(self, _: object, parcels: list[tuple[object, list[Epoch]]]) -> list[None]:
        self.tries += 1
        if not self.there:
            raise ConnectionLost("lab cannot be reached")
        self.stored += [epoch.number for _, epochs in parcels for epoch in epochs]
        return [None] * len(parcels)


class _Run:
    writer: Any = None

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(LocalFolder(folder), 7)

    def add(self, number: int) -> None:
        self.spool.epochs.append(Epoch(number, {"val/loss": float("nan")}, 0.1))


def test_epochs_wait_in_a_file_and_are_delivered_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, messages = _Store(), list[str]()
    monkeypatch.setattr(store, "write_epochs", db.write_all)
    run = _Run(tmp_path / "1")
    sending: EpochDelivery[_Run] = EpochDelivery(db, messages.append)  # type: ignore[arg-type]
    run.add(1)
    sending.store([run])
    assert (db.stored, run.spool.epochs) == ([1], [])
    assert not (tmp_path / "1").exists()
    db.there = False
    for number in (2, 3):
        run.add(number)
        sending.store([run])
    assert db.tries == 2  # the third waits for the next try
    lines = (tmp_path / "1" / "7.waiting").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [2, 3]
    db.there = True
    monkeypatch.setattr(spool, "FIRST_RETRY_SECONDS", 0.01)
    sending.flush([run])
    assert db.stored == [1, 2, 3]
    assert list((tmp_path / "1").iterdir()) == []
    assert [line.split(";")[0].split(" after")[0] for line in messages] == [
        "lab cannot be reached",
        "the database was reached again",
    ]
    assert messages[1].endswith("2 epochs stored")


def test_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "RECONNECT_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(spool, "FIRST_RETRY_SECONDS", 0.01)
    tries: list[int] = []

    def fails() -> None:
        tries.append(1)
        raise ConnectionLost("gone")

    with pytest.raises(ConnectionLost):
        retry_when_disconnected(fails)
    assert len(tries) > 2


def test_half_a_line_of_a_worker_that_died_is_left_out(tmp_path: Path) -> None:
    box = Spool(LocalFolder(tmp_path), 3)
    box.epochs += [Epoch(1, {"a": float("inf")}, 0.1), Epoch(2, {"a": float("nan")}, 0.1)]
    box.write()
    content = (tmp_path / "3.waiting").read_bytes() + b'{"epoch": 3, "val'
    result = spool._epochs_from_spool(content)
    assert [epoch.number for epoch in result] == [1, 2]
    assert result[0].values == {"a": float("inf")}
    assert str(result[1].values) == "{'a': nan}"


def test_nothing_left_is_nothing_to_deliver(tmp_path: Path) -> None:
    assert deliver_spooled_epochs(None, None, LocalFolder(tmp_path / "nowhere")) == 0  # type: ignore[arg-type]


def test_a_server_that_is_away_after_the_training_is_waited_for(
    nnlab: Nnlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is stored by then, so the command must not fail because it cannot read it."""
    monkeypatch.setattr(spool, "FIRST_RETRY_SECONDS", 0.01)
    failures = dict.fromkeys(("runs", "all_studies", "rank_trials"), 0)
    train_missing = training._train_missing

    def train_then_disconnect(*args: Any, **options: Any) -> None:
        train_missing(*args, **options)
        failures.update(dict.fromkeys(failures, 2))

    def failing(name: str) -> Callable[..., Any]:
        query = getattr(store, name)

        def fail_or_query(*args: Any, **options: Any) -> Any:
            if failures[name]:
                failures[name] -= 1
                raise ConnectionLost("the server cannot be reached")
            return query(*args, **options)

        return fail_or_query

    monkeypatch.setattr(training, "_train_missing", train_then_disconnect)
    for name in failures:
        monkeypatch.setattr(store, name, failing(name))
    answer = nnlab("train", *QUICK)
    assert set(failures.values()) == {0}
    assert "val/accuracy" in answer.out
    assert "the server cannot be reached; waiting for it" in answer.out + answer.err
