"""A folder that a reviewer can run: it trains everything again and compares the numbers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import QUICK, Nnlab

BIN = Path(sys.executable).parent


def made(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-C", str(folder), "reproduce", f"BIN={BIN}"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_everything_is_trained_again_and_agrees_to_the_last_bit(
    nnlab: Nnlab, tmp_path: Path
) -> None:
    nnlab("init-study", "s", *QUICK, "--opt", "sgd,adam", "--dropout", "0,0.3", "--seeds", "3")
    nnlab("train", "--study", "s", "-q", "--engine", "solo")
    nnlab("report", "s", "--reproduce", "again")
    done = made(tmp_path / "again")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4 trials agree on val/accuracy" in done.stdout
    assert "3 of 3 runs equal to the last bit" in done.stdout
    told = (tmp_path / "again" / "requirements.txt").read_text()
    assert "torch==" in told
    assert "+cpu" not in told


def test_a_number_that_differs_is_an_error(nnlab: Nnlab, tmp_path: Path) -> None:
    nnlab("train", *QUICK, "-q")
    nnlab("report", "--reproduce", "again")
    path = tmp_path / "again" / "expected.json"
    expected = json.loads(path.read_text())
    expected["trials"][0]["runs"][0]["value"] += 0.5
    path.write_text(json.dumps(expected))
    done = made(tmp_path / "again")
    assert done.returncode == 2
    assert "DIFF" in done.stdout
    assert "0 of 1 trials agree" in done.stdout


def test_a_folder_with_something_in_it_is_left_alone(nnlab: Nnlab, tmp_path: Path) -> None:
    nnlab("train", *QUICK, "-q")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "mine").write_text("")
    assert "is there already" in nnlab("report", "--reproduce", "again", expect=None).err
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["mine"]


@pytest.mark.parametrize("words", [(), ("s",)])
def test_nothing_trained_is_nothing_to_reproduce(nnlab: Nnlab, words: tuple[str, ...]) -> None:
    nnlab("init-study", "s", *QUICK)
    answer = nnlab("report", *words, "--reproduce", "again", expect=2)
    assert "nothing to reproduce" in answer.err


def test_runs_that_began_with_others_say_what_is_missing(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "-q", "--name", "base")
    nnlab("train", *QUICK, "-q", "--from", "base", "--lr", "0.01")
    assert "began with the weights" in nnlab("report", "--reproduce", "again", expect=2).err


MODEL = """from torch import nn
def small(in_features, num_classes):
    return nn.Linear(in_features, num_classes)
"""


def test_a_model_of_ones_own_comes_along_if_it_is_still_the_same(
    nnlab: Nnlab, tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    nnlab("train", "--data", "iris", "--model", "model.py:small", "--epochs", "2", "-q")
    nnlab("report", "--reproduce", "again")
    assert (tmp_path / "again" / "model.py").read_text() == MODEL
    done = made(tmp_path / "again")
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "model.py").write_text(MODEL + "# changed\n")
    assert "has changed" in nnlab("report", "--reproduce", "other", expect=2).err


def test_data_of_ones_own_are_named(nnlab: Nnlab, tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i % 5},{'ab'[i % 7 > 3]}\n" for i in range(60))
    (tmp_path / "points.csv").write_text("x,y,kind\n" + rows)
    nnlab("train", "--data", "csv:points.csv#kind", "--epochs", "2", "-q")
    nnlab("report", "--reproduce", "again")
    told = (tmp_path / "again" / "README.md").read_text()
    assert "needs data of your own, by paths from this folder: csv:points.csv\\#kind" in told


def test_runs_that_failed_are_not_asked_for_again(nnlab: Nnlab, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL.replace("return nn", "raise ValueError; return nn"))
    nnlab("train", "--data", "iris", "--model", "model.py:small", "--epochs", "2", expect=1)
    assert "nothing to reproduce" in nnlab("report", "--reproduce", "again", expect=2).err
    nnlab("train", *QUICK, "-q")
    nnlab("report", "--reproduce", "again")
    assert len(list((tmp_path / "again" / "trials").iterdir())) == 1
