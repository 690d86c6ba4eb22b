"""`nnlab.compat.trackio`: the same script as with Trackio, the same values."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from recorded_runs import (
    changed_script,
    recorded_files,
    recorded_runs,
    recorded_samples,
    recorded_values,
    run_here,
    run_process,
)
from tracker_adapters import adapted_script

from nnlab.compat import trackio as drop_in
from nnlab.errors import UsageError
from nnlab.records import Status

DROP_IN = adapted_script("trackio_fake_training.py").lines
trackio: Any = drop_in


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs.db"


def values_of_trackio(folder: Path) -> dict[str, list[tuple[int, float]]]:
    values: dict[str, list[tuple[int, float]]] = {}
    connection = sqlite3.connect(folder / "fake-training.db")
    for step, text in connection.execute("select step, metrics from metrics order by id"):
        for name, value in flat(json.loads(text)).items():
            values.setdefault(name, []).append((step, value))
    connection.close()
    return values


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            numbers |= {} if "_type" in value else flat(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            numbers[prefix + name] = float(value)
    return numbers


def test_a_typical_script_stores_what_trackio_stores(db: Path) -> None:
    pytest.importorskip("trackio", reason="trackio is in the extra `test`")
    run_here(changed_script("trackio_fake_training.py", DROP_IN, db.parent))
    run_process(changed_script("trackio_fake_training.py", {}, db.parent), db.parent)
    expected = values_of_trackio(db.parent / "trackio")
    epochs = [value for _, value in expected.pop("epoch")]
    assert recorded_values(db) == expected
    assert [sample.epoch for sample in recorded_samples(db)["train_loss"]] == epochs
    (run,) = recorded_runs(db)
    assert (run.trial.study, run.name, run.status) == ("fake-training", "first", Status.FINISHED)
    assert run.trial.setting == {"epochs": 4, "learning_rate": 0.001}
    assert "media/results/11" in recorded_files(db)


def test_a_run_is_resumed_by_its_name(db: Path) -> None:
    for resume, value in (("never", 1.0), ("allow", 2.0), ("must", 3.0), ("never", 4.0)):
        run = trackio.init(project="p", name="a", resume=resume)
        run.log({"loss": value})
        trackio.finish()
    assert recorded_values(db)["loss"] == [(0, 1.0), (1, 2.0), (2, 3.0)]
    assert recorded_values(db, 2)["loss"] == [(0, 4.0)]
    with pytest.raises(UsageError, match="no run"):
        trackio.init(project="p", name="b", resume="must")


def test_init_ends_the_run_before(db: Path) -> None:
    trackio.init(project="p")
    second = trackio.init(project="p", config={"lr": 0.1})
    assert trackio.config["lr"] == 0.1
    second.log({"loss": 1.0}, step=10)
    second.log({"loss": 0.5})
    trackio.finish()
    assert recorded_values(db, 2)["loss"] == [(10, 1.0), (11, 0.5)]
    assert [run.status for run in recorded_runs(db)] == [Status.FINISHED] * 2
    with pytest.raises(UsageError, match="there is no run"):
        trackio.log({"loss": 1.0})


def test_what_trackio_has_and_nnlab_does_not_does_nothing_and_says_so_once(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        trackio.show(project="p")
        trackio.sync(project="p", space_id="me/space")
    with trackio.init(project="p", space_id="me/space") as run:
        run.log({"note": trackio.Markdown("# x"), "sound": trackio.Audio([0.0, 0.5])})
    message = capsys.readouterr().err
    assert message.count("trackio.show does nothing") == 1
    assert message.count("trackio.sync ") == 1
    assert message.count("not sent anywhere") == 1
    assert (db.parent / "runs.artifacts/1/media/note-0.md").read_text() == "# x"
