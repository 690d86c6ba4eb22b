"""Values whose squares overflow, such as a loss of 1e308, are ranked as infinite."""

from pathlib import Path

import pytest
from command_line_runner import Nnlab

SCRIPT = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
print(f"epoch 1 val_loss={1e308 if args.lr == 0.5 else 1.0 + args.seed / 10}")
"""


@pytest.fixture
def study(nnlab: Nnlab, folder: Path) -> Nnlab:
    """Three rates with three seeds; all losses of one of them are 1e308."""
    (folder / "train.py").write_text(SCRIPT)
    nnlab(
        "run", "-q", "train.py", "--lr", "0.1,0.5,0.01", "--seeds", "3", "--study", "s",
        "--objective", "val_loss:min",
    )  # fmt: skip
    return nnlab


@pytest.mark.parametrize("test", ["t", "sign-flip"])
def test_they_are_last_and_not_compared(study: Nnlab, test: str) -> None:
    rows = study("compare", "s", "--test", test, "--format", "json").json["rows"]
    assert [row["setting"]["lr"] for row in rows] == [0.1, 0.01, 0.5]
    assert rows[2]["mean"] in (None, "Infinity", float("inf"))
    assert rows[2]["against_best"] is None


@pytest.mark.parametrize(
    "words",
    [("report", "s", "-o", "s.md"), ("plot", "ranking", "s"), ("plot", "seeds", "s"),
     ("plot", "sweep", "s"), ("compare", "s", "--ablation", "lr=0.1"), ("ls",)],
)  # fmt: skip
def test_other_outputs_have_them_too(study: Nnlab, words: tuple[str, ...]) -> None:
    study(*words)


def test_a_line_of_progress_stays_short(study: Nnlab) -> None:
    answer = study("run", "train.py", "--lr", "0.5", "--seed", "7", "--study", "s")
    assert "val/loss 1e+308 at epoch 1" in answer.out + answer.err


def test_the_gate_discards_them(study: Nnlab) -> None:
    gate = ("gate", "--study", "g", "--max-seeds", "2", "--objective", "val_loss:min")
    study(*gate, "--script", "train.py", "--", "--lr", "0.1")
    answer = study(*gate, "--script", "train.py", "--", "--lr", "0.5", expect=10)
    assert "has no finite value of val/loss" in answer.out
