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
