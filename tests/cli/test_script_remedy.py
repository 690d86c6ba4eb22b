"""`nnlab remedy` for runs of scripts: remedies become changes of the script's flags."""

import re
from pathlib import Path

import flag_scripts
import pytest
from command_line_runner import Nnlab


@pytest.fixture
def script(folder: Path) -> Path:
    """A script that overfits, in the working folder."""
    path = folder / "overfit.py"
    path.write_text((flag_scripts.FOLDER / "overfit.py").read_text())
    return path


def test_remedies_change_flags_and_are_proved(nnlab: Nnlab, script: Path) -> None:
    nnlab("run", "-q", str(script), "--lr", "0.05")
    plan = nnlab("remedy", "1", "--dry-run", "--format", "json").json
    assert [(row["remedy"], row["changes"]) for row in plan] == [
        ("weight decay", "--weight-decay 0.01"),
        ("12 epochs", "--epochs 12"),
    ]
    answer = nnlab("remedy", "1", "--seeds", "5")
    line = "run --study remedy/1 --seeds 5 overfit.py --lr 0.05 --epochs 12"
    assert f"12 epochs helped most: nnlab {line}" in answer.out
    assert "5 runs in study 'remedy/1': 5 already trained" in nnlab(*line.split()).out
    output = nnlab("remedy", "1", "--seeds", "5", "--format", "json").json
    assert (output["study"], output["finding"]) == ("remedy/1", "NN101")
    shorter, remedy = output["remedies"]
    assert (shorter["name"], shorter["outcome"], shorter["best_effect"]) == (
        "12 epochs",
        "helped",
        pytest.approx(0.0, abs=0.001),
    )
    assert (remedy["name"], remedy["n"], remedy["outcome"]) == ("weight decay", 5, "helped")
    assert (remedy["metric"], remedy["at"]) == ("val/loss", "last")
    assert remedy["effect"] == pytest.approx(0.11, abs=0.01)
    assert remedy["best_effect"] == pytest.approx(0.02, abs=0.01)
    runs = nnlab("ls", "remedy/1", "--format", "json").json
    assert len(runs) == 15
    assert {run["seed"] for run in runs} == set(range(5))


def test_the_plan_of_a_script_that_logs_steps(nnlab: Nnlab, script: Path) -> None:
    script.write_text(script.read_text().replace('f"epoch ', 'f"step '))
    nnlab("run", "-q", str(script))
    text = " ".join(nnlab("remedy", "1", "--dry-run").out.split())
    assert re.search(r"NN101 overfitting \(warning, confidence \d+%, from step 12\)", text)
    # Only runs of nnlab's own loop can be trained as one program.
    assert text.endswith("one after another")


def test_flags_of_unusual_names(nnlab: Nnlab, script: Path) -> None:
    nnlab("run", "-q", str(script))
    words = ("remedy", "1", "--dry-run", "--format", "json", "--map")
    plan = nnlab(*words, "dropout=--hidden-noise").json
    changes = [row["changes"] for row in plan]
    assert changes == ["--hidden-noise 0.3", "--weight-decay 0.01", "--epochs 12"]
    for text, message in (
        ("dropout=--missing", "the script has no flag '--missing'"),
        ("nothing=--lr", "unknown quantity 'nothing'"),
        ("dropout", "--map dropout: not of the form dropout=--drop-rate"),
    ):
        assert message in nnlab(*words, text, expect=2).err


def test_a_script_without_suitable_flags(nnlab: Nnlab, folder: Path, script: Path) -> None:
    text = script.read_text().replace("--weight-decay", "--extra").replace("weight_decay", "extra")
    text = text.replace("--epochs", "--rounds").replace("options.epochs", "options.rounds")
    (folder / "other.py").write_text(text)
    nnlab("run", "-q", "other.py")
    error = nnlab("remedy", "1", expect=2).err
    assert "no change to the flags of run 1 would remedy NN101 overfitting" in error
    assert "its flags set lr (--lr)" in error
    assert "--map names the flag of weight_decay, dropout" in error
    nnlab("train", "--data", "iris", "--epochs", "1", "--probe", "none", "-q")
    assert "--map names flags of a script" in nnlab("remedy", "2", "--map", "lr=--lr", expect=2).err
