"""A user's model.py and data.csv: trained and compared; errors name the line."""

import json
import sqlite3
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab.cli.main import main
from nnlab.errors import NnlabError

TABLE = "height,colour,kind\n" + "".join(
    f"{1 + i % 7 * 0.1:.1f},{('red', 'blue')[i % 3 == 0]},{'ab'[i % 7 > 3]}\n" for i in range(60)
)
MODEL = """
from torch import nn

class Net(nn.Module):
    def __init__(self, in_features, num_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(in_features, 8), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(8, num_classes)

    def forward(self, x):
        return self.head(self.body(x))
"""
OWN = ("--data", "csv:data.csv#kind", "--model", "model.py:Net", "--epochs", "3")


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    (folder / "data.csv").write_text(TABLE)
    (folder / "model.py").write_text(MODEL)


def test_from_nothing_to_a_figure(nnlab: Nnlab, folder: Path) -> None:
    assert "colour" in nnlab("data", "show", "csv:data.csv#kind").out
    nnlab("train", *OWN, "--lr", "0.001,0.05", "--seeds", "2")
    assert {run["trial"] for run in nnlab("ls", "--format", "json").json} == {
        "lr=0.001",
        "lr=0.05",
    }
    assert "0.05" in nnlab("compare").out
    nnlab("plot", "curves", "-o", "mine.png")
    assert (folder / "mine.png").stat().st_size > 1000


def test_the_same_model_gives_the_same_numbers_and_another_file_another_trial(
    nnlab: Nnlab, folder: Path
) -> None:
    nnlab("train", *OWN, "-q")
    assert "1 already trained" in nnlab("train", *OWN).out
    first = nnlab("show", "1", "--format", "json").json[0]["metrics"]
    nnlab("train", *OWN, "--again", "-q")
    again = nnlab("show", "2", "--format", "json").json[0]["metrics"]
    timeless = [[m for m in result if m["metric"] != "time/epoch"] for result in (first, again)]
    assert timeless[0] == timeless[1]
    (folder / "model.py").write_text(MODEL.replace("0.2", "0.5"))
    assert "1 new" in nnlab("train", *OWN).out


def test_an_error_in_training_names_the_users_own_line(nnlab: Nnlab, folder: Path) -> None:
    raising = "if x.shape[0] > 2:\n            raise ValueError('odd batch')\n        return"
    body = MODEL.replace("return", raising)
    (folder / "model.py").write_text(body)
    at = body.splitlines().index("            raise ValueError('odd batch')") + 1
    answer = nnlab("train", *OWN, expect=1)
    assert f"model.py, line {at}, in forward: ValueError: odd batch" in answer.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("import nothing_like_it\nclass Net: ...\n", "line 1"),
        ("def Net(:\n", "line 1"),
        ("Net = 3\n", "model.py"),
        ("class Nets: ...\n", "did you mean 'Nets'?"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_line(
    nnlab: Nnlab, folder: Path, content: str, message: str
) -> None:
    (folder / "model.py").write_text(content)
    answer = nnlab("train", *OWN, expect=1)
    assert message in answer.err
    assert "model.py" in answer.err
    assert "Traceback" not in answer.err


def test_weights_go_on_to_other_classes_seed_by_seed(nnlab: Nnlab, folder: Path) -> None:
    small = ("--data", "digits", "--width", "8", "--epochs", "2")
    nnlab("train", *small, "--classes", "0-4", "--name", "base", "--seeds", "2", "-q")
    answer = nnlab(
        "train", *small, "--classes", "5-9", "--from", "base", "--freeze", "all-but-head",
        "--seeds", "2",
    )  # fmt: skip
    assert "from run 1: 4 of 6 tensors loaded; the head is re-initialised" in answer.out
    assert "from run 2: 4 of 6" in answer.out
    connection = sqlite3.connect(folder / "runs.db")
    settings = [json.loads(s) for (s,) in connection.execute("SELECT setting FROM trial")]
    connection.close()
    child = next(s for s in settings if s.get("start_from"))
    assert child["start_from"] == "base"
    assert len(child["start_version"]) == 16
    assert "start_from base" in nnlab("show", "4").out
    assert "of run 2" in nnlab("show", "4").out
    assert nnlab("show", "4", "--format", "json").json[0]["parent"] == 2


def test_a_parent_that_was_trained_anew_makes_a_new_trial(nnlab: Nnlab) -> None:
    small = ("--data", "iris", "--width", "8", "--epochs", "2")
    nnlab("train", *small, "--name", "base", "-q")
    nnlab("train", *small, "--from", "base", "--lr", "0.01", "-q")
    nnlab("train", *small, "--name", "base", "--seed", "1", "-q")
    assert "1 new" in nnlab("train", *small, "--from", "base", "--lr", "0.01").out


def test_what_to_begin_from_must_be_there(nnlab: Nnlab) -> None:
    answer = nnlab("train", "--from", "99", expect=2)
    assert "--from 99 is neither a run nor a file" in answer.err


def test_a_softmax_before_cross_entropy_is_named(nnlab: Nnlab, folder: Path) -> None:
    softmax = MODEL.replace("return self.head", "return nn.functional.softmax(self.head").replace(
        "(self.body(x))", "(self.body(x)), dim=1)"
    )
    (folder / "model.py").write_text(softmax)
    out = nnlab("train", *OWN).out
    assert "NN308 the model's outputs are probabilities that sum to 1" in out
    assert "NN308 1/1" in nnlab("compare").out


def test_logits_are_not_mistaken_for_a_softmax(nnlab: Nnlab) -> None:
    nnlab("train", *OWN, "-q")
    shown = nnlab("show", "1", "--format", "json").json[0]
    values = {metric["metric"]: metric["last"] for metric in shown["metrics"]}
    assert values["probe/start_probability_outputs"] == 0.0
    assert "NN308" not in [finding["code"] for finding in shown["findings"]]


def test_a_changed_helper_makes_another_trial(nnlab: Nnlab, folder: Path) -> None:
    (folder / "net.py").write_text("from size import WIDTH\n" + (folder / "model.py").read_text())
    words = ("train", "--data", "iris", "--model", "net.py:Net", "--epochs", "1", "-q")
    (folder / "size.py").write_text("WIDTH = 4\n")
    nnlab(*words)
    nnlab(*words)
    assert len(nnlab("ls", "--format", "json").json) == 1
    (folder / "size.py").write_text("WIDTH = 8\n")
    nnlab(*words)
    first, second = (row["run"] for row in nnlab("ls", "--format", "json").json)
    digests = {nnlab("show", str(n), "--format", "json").json[0]["digest"] for n in (first, second)}
    assert len(digests) == 2


BROKEN_LATER = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, in_features, num_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(in_features, 8), nn.ReLU())
        self.head = nn.Linear(8, num_classes)

    def forward(self, x):
        x = self.body(x)
        return self.head(x if len(x) == 2 else x[:, :5])
"""


@pytest.mark.parametrize("devices", ["cpu:1", "cpu:2"])
def test_a_failed_run_keeps_its_traceback_and_names_the_layer(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch, devices: str
) -> None:
    (folder / "model.py").write_text(BROKEN_LATER)
    answer = nnlab("train", *OWN, "--devices", devices, "--seeds", "2", expect=1)
    layer = "head (Linear(in_features=8, out_features=2, bias=True)) got ["
    assert f"in layer {layer}" in answer.err
    assert "Traceback" not in answer.err
    shown = nnlab("show", "1").out
    assert "Traceback (most recent call last):" in shown
    assert "return self.head(x if len(x) == 2 else x[:, :5])" in shown
    (run,) = nnlab("show", "1", "--format", "json").json
    assert run["attempts"][-1]["traceback"].startswith("Traceback")
    assert layer in run["reason"]
    with pytest.raises(NnlabError) as caught:
        main(["train", *OWN, "--debug"])
    assert "return self.head(x if" in "".join(caught.value.__notes__)
