"""Checkpoints: when one is due, which ones are kept, and how damaged ones are handled."""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from nnlab.engine import checkpoint
from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import Session, build_session, train
from nnlab.errors import ConnectionLost, UsageError
from nnlab.io.folders import LocalFolder
from nnlab.settings import RunConfig, resolve
from nnlab.workers.checkpoints import Checkpoints
from nnlab.workers.save_policy import CheckpointInterval


class Position:
    """A session that has a position and nothing else."""

    is_done, can_save = False, True
    epoch = step = 0

    @property
    def position(self) -> tuple[int, int]:
        return self.epoch, self.step


def fresh() -> Session:
    config = RunConfig(data="iris", width=4, depth=1, epochs=6, device="cpu")
    return build_session(resolve(config, dataset_facts("iris")))


def trained(folder: Path, epochs: int) -> Session:
    """A session with a checkpoint after each of its epochs."""
    session, checkpoints = fresh(), Checkpoints(LocalFolder(folder))
    for _ in islice(train(session), epochs):
        checkpoints.save(session)
    return session


@pytest.mark.parametrize(
    ("text", "every"),
    [
        ("auto", CheckpointInterval()),
        ("5", CheckpointInterval(epochs=5)),
        ("30s", CheckpointInterval(seconds=30.0)),
        ("1.5 min", CheckpointInterval(seconds=90.0)),
        ("2h", CheckpointInterval(seconds=7200.0)),
    ],
)
def test_how_often_is_read(text: str, every: CheckpointInterval) -> None:
    assert CheckpointInterval.parse(text) == every


@pytest.mark.parametrize("text", ["", "0", "-1", "0s", "5 days", "often", "1.5", "min"])
def test_what_is_no_such_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="neither a number of epochs nor a duration"):
        CheckpointInterval.parse(text)


def saved_at(
    every: CheckpointInterval,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    epoch_seconds: float,
) -> list[tuple[float, int]]:
    """Time and epoch of the checkpoints within a minute, each of which takes 0.1 s."""
    now = [0.0]
    monkeypatch.setattr("nnlab.workers.checkpoints.time.perf_counter", lambda: now[0])
    saved = []

    def sealed(session: Any) -> bytes:
        saved.append((now[0], session.epoch))
        now[0] += 0.1
        return b""

    monkeypatch.setattr(checkpoint, "serialize_checkpoint", sealed)
    checkpoints = Checkpoints(LocalFolder(folder), every)
    session: Any = Position()
    while now[0] < 60.0:
        now[0] += epoch_seconds
        session.epoch += 1
        if checkpoints.is_due(session):
            checkpoints.save(session)
    session.is_done = True
    session.epoch += 100
    now[0] += 1000.0
    assert not checkpoints.is_due(session)  # a run that is over needs none
    return saved


def test_one_is_written_when_the_time_pays_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = saved_at(CheckpointInterval(), tmp_path, monkeypatch, epoch_seconds=0.5)
    assert saved[0][0] == pytest.approx(1.0)
    assert len(saved) * 0.1 / 60.0 < 0.025


def test_every_so_many_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = saved_at(CheckpointInterval(epochs=3), tmp_path, monkeypatch, epoch_seconds=5.0)
    assert [epoch for _, epoch in saved] == [3, 6, 9, 12]


def test_every_so_many_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = saved_at(CheckpointInterval(seconds=20.0), tmp_path, monkeypatch, epoch_seconds=4.0)
    assert [epoch for _, epoch in saved] == [5, 10, 15]


def test_inside_an_epoch_only_by_the_clock_and_where_the_run_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "serialize_checkpoint", lambda _: b"content")
    session: Any = Position()
    by_time = Checkpoints(LocalFolder(tmp_path), CheckpointInterval(seconds=1e-9))
    by_epochs = Checkpoints(LocalFolder(tmp_path), CheckpointInterval(epochs=1))
    session.epoch, session.step = 9, 12
    assert by_time.is_due(session)
    assert not by_epochs.is_due(session)
    for step in (2, 12, 100):
        session.step = step
        by_time.save(session)
    assert by_time.saved_position == (9, 100)
    session.epoch, session.step = 10, 0
    by_time.save(session)
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-9-100.pt", "checkpoint-10.pt"}
    session.can_save = False
    assert not by_time.is_due(session)


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    trained(tmp_path / "1", 4)
    left = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert left == ["checkpoint-3.pt", "checkpoint-4.pt"]
    Checkpoints(LocalFolder(tmp_path / "1")).discard()
    assert not (tmp_path / "1").exists()


def test_a_folder_with_other_files_stays(tmp_path: Path) -> None:
    trained(tmp_path, 1)
    (tmp_path / "model.pt").touch()
    Checkpoints(LocalFolder(tmp_path)).discard()
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_one_is_set_aside_and_the_one_before_is_used(tmp_path: Path) -> None:
    session = trained(tmp_path, 3)
    damage(tmp_path / "checkpoint-3.pt")
    messages: list[str] = []
    again = fresh()
    assert Checkpoints(LocalFolder(tmp_path)).restore(again, messages.append)
    assert again.epoch == 2
    assert len(messages) == 1
    assert messages[0].endswith("the run resumes from checkpoint-2.pt")
    assert (tmp_path / "checkpoint-3.damaged").is_file()
    next(train(again))
    for name, value in session.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name])


def test_with_none_that_can_be_read_the_run_starts_over(tmp_path: Path) -> None:
    trained(tmp_path, 2)
    damage(tmp_path / "checkpoint-1.pt")
    (tmp_path / "checkpoint-2.pt").write_bytes(b"")
    messages: list[str] = []
    again = fresh()
    assert not Checkpoints(LocalFolder(tmp_path)).restore(again, messages.append)
    assert again.epoch == 0
    assert messages[-1].endswith("the run starts over")
    assert not list(tmp_path.glob("*.pt"))


def test_a_folder_that_is_away_for_now_is_written_at_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, checkpoints = fresh(), Checkpoints(LocalFolder(tmp_path), CheckpointInterval(epochs=1))
    training = train(session)
    next(training)

    def gone(*_: object) -> None:
        raise ConnectionLost("nobody answers")

    with monkeypatch.context() as patch:
        for name in ("write", "remove", "remove_incomplete_files"):
            patch.setattr(LocalFolder, name, gone)
        checkpoints.save_if_reachable(session)
        with pytest.raises(ConnectionLost):
            checkpoints.save(session)
        checkpoints.discard()
    assert checkpoints.is_due(session)
    next(training)
    checkpoints.save_if_reachable(session)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2.pt"]


def test_without_a_folder_there_is_nothing_to_restore(tmp_path: Path) -> None:
    messages: list[str] = []
    assert not Checkpoints(LocalFolder(tmp_path / "none")).restore(fresh(), messages.append)
    assert messages == []


@pytest.mark.parametrize(
    "text", ["auto", "5", "30s", "5min", "1h", "1000000s", "0.0000125s", "400h"]
)
def test_how_often_is_read_back_from_its_text(text: str) -> None:
    every = CheckpointInterval.parse(text)
    assert CheckpointInterval.parse(str(every)) == every
