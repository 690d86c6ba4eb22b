"""A database of an earlier version, with its files: verified, resumed and ranked."""

import json
import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from command_line_runner import Nnlab

from nnlab.settings import digest_of

ASSETS = Path(__file__).parent / "assets" / "old_lab"

# On another processor the last bits of a loss may differ; a changed algorithm differs by far more.
TOLERANCE = 1e-4


@pytest.fixture
def old_lab(tmp_path: Path) -> Path:
    shutil.copytree(ASSETS, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.parametrize("study", ["rate", "stack", "mine", "whole", "sugar"])
def test_runs_of_an_earlier_version_are_verified(old_lab: Path, nnlab: Nnlab, study: str) -> None:
    results = nnlab("verify", study, "--tolerance", str(TOLERANCE), "--format", "json").json
    assert results
    assert all(result["holds"] for result in results)


def test_a_killed_run_of_an_earlier_version_ends_like_the_whole_one(
    old_lab: Path, nnlab: Nnlab
) -> None:
    nnlab("train", "--study", "halfway", "-q")
    whole, resumed = (curves(old_lab, study) for study in ("whole", "halfway"))
    # This version measures more: the later epochs of the resumed run have further metrics.
    metrics = {metric for metric, _ in whole}
    assert {key for key in resumed if key[0] in metrics} == whole.keys()
    assert len([key for key in whole if key[0] == "train/loss"]) == 150
    for key, value in whole.items():
        assert math.isclose(resumed[key], value, rel_tol=TOLERANCE, abs_tol=TOLERANCE), key


@pytest.mark.parametrize("study", json.loads((ASSETS / "rankings.json").read_text()))
def test_studies_of_an_earlier_version_are_ranked_as_before(
    old_lab: Path, nnlab: Nnlab, study: str
) -> None:
    before = json.loads((ASSETS / "rankings.json").read_text())[study]
    answer = nnlab("compare", study, "--format", "json").json
    rows = answer if isinstance(answer, list) else answer["rows"]
    for row in rows:
        row["setting"].pop("remedy", None)  # earlier versions did not name the remedy
    assert [{key: row[key] for key in before[0]} for row in rows] == before


def curves(folder: Path, study: str) -> dict[tuple[str, int], Any]:
    """The values of a study's only run by metric and epoch, but for times, energy and the test.

    The test split is measured at the selected epoch, whose rule for ties has changed since.
    """
    with closing(sqlite3.connect(folder / "runs.db")) as connection:
        rows = connection.execute(
            "SELECT metric.name, point.epoch, point.value FROM point"
            " JOIN metric ON metric.id = metric_id JOIN run ON run.id = run_id"
            " JOIN trial ON trial.id = trial_id JOIN study ON study.id = study_id"
            " WHERE study.name = ?",
            (study,),
        ).fetchall()
    return {
        (metric, epoch): math.nan if value is None else value
        for metric, epoch, value in rows
        if not metric.startswith(("time/", "energy/", "test/"))
    }


@pytest.fixture
def xavier_lab(tmp_path: Path) -> Path:
    """A database of the time before `init_gain`, when xavier was scaled by the activation's gain.

    Study `trained` has one run of xavier and one of msra; the same runs of `waiting` are queued.
    """
    shutil.copyfile(ASSETS.parent / "old_xavier.db", tmp_path / "runs.db")
    return tmp_path


# train/loss after both epochs of the run of xavier, by the earlier version.
EARLIER_XAVIER_LOSSES = {1: 1.0992416143417358, 2: 1.0841803550720215}


NEW_RUNS = ("--data", "iris", "--width", "8", "--epochs", "2", "--seed", "0", "-q")


@pytest.mark.parametrize("study", ["trained", "waiting"])
def test_an_earlier_xavier_run_keeps_the_gain_of_its_activation(
    xavier_lab: Path, nnlab: Nnlab, study: str
) -> None:
    nnlab("train", "--study", "waiting", "-q")
    results = nnlab("verify", study, "--tolerance", str(TOLERANCE), "--format", "json").json
    assert [result["holds"] for result in results] == [True, True]
    losses = train_losses(xavier_lab, study, "xavier")
    assert losses == pytest.approx(EARLIER_XAVIER_LOSSES, abs=TOLERANCE)


def test_an_earlier_xavier_study_is_extended_with_its_gain(xavier_lab: Path, nnlab: Nnlab) -> None:
    nnlab("train", "--study", "trained", "--lr", "0.01", "--extend", "-q")
    rows = nnlab("compare", "trained", "--format", "json").json["rows"]
    settings = [row["setting"] for row in rows]
    gains = {(setting["init"], setting.get("init_gain", "activation")) for setting in settings}
    assert gains == {("xavier", "activation"), ("msra", "activation")}
    assert len(settings) == 4


def test_a_new_xavier_run_is_not_the_trial_of_an_earlier_one(
    xavier_lab: Path, nnlab: Nnlab
) -> None:
    nnlab("train", "--study", "new", "--init", "xavier,msra", *NEW_RUNS)
    rows = nnlab("compare", "trained", "new", "--format", "json").json["rows"]
    xavier = [row["setting"] for row in rows if row["setting"]["init"] == "xavier"]
    assert sorted(str(setting["init_gain"]) for setting in xavier) == ["1.0", "activation"]
    assert len({digest_of(setting) for setting in xavier}) == 2
    assert "init_gain" in nnlab("compare", "trained", "new", "--format", "json").json["fields"]


def test_an_earlier_xavier_run_is_shown_and_reproduced_with_its_gain(
    xavier_lab: Path, nnlab: Nnlab
) -> None:
    assert "init xavier, init_gain activation" in nnlab("show", "1").out
    assert nnlab("show", "1", "--format", "json").json[0]["setting"]["init_gain"] == "activation"
    nnlab("report", "trained", "-o", "report.md", "--reproduce", "again")
    files = [path.read_text() for path in sorted(xavier_lab.glob("again/trials/*.toml"))]
    gains = {'init_gain = "activation"' in text for text in files if "xavier" in text}
    assert gains == {True}
    assert not any("init_gain" in text for text in files if "xavier" not in text)


def train_losses(folder: Path, study: str, init: str) -> dict[int, float]:
    """train/loss by epoch of a study's only run with an initialisation."""
    with closing(sqlite3.connect(folder / "runs.db")) as connection:
        rows = connection.execute(
            "SELECT point.epoch, point.value FROM point"
            " JOIN metric ON metric.id = metric_id JOIN run ON run.id = run_id"
            " JOIN trial ON trial.id = trial_id JOIN study ON study.id = study_id"
            " WHERE study.name = ? AND metric.name = 'train/loss'"
            " AND json_extract(trial.setting, '$.init') = ?",
            (study, init),
        )
        return dict(rows.fetchall())
