"""Seeds that end at chance level are counted, not averaged, in every output of a ranking."""

from pathlib import Path

import pytest
from command_line_runner import Nnlab

import nnlab as api

SCRIPT = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
accuracy = 0.9 + 0.02 * args.lr + 0.003 * ((7 * args.seed + int(10 * args.lr)) % 5)
if (args.lr, args.seed) in ((0.3, 1), (0.3, 3), (0.5, 2)):
    accuracy = 0.1
print(f"epoch 1 val_acc={accuracy:.4f}")
"""


@pytest.fixture
def study(nnlab: Nnlab, folder: Path) -> Nnlab:
    """Trials of four rates with five seeds, of which three collapse."""
    (folder / "train.py").write_text(SCRIPT)
    nnlab(
        "run", "-q", "train.py", "--lr", "0.1,0.2,0.3,0.5", "--seeds", "5", "--study", "s",
        "--objective", "val_acc:max",
    )  # fmt: skip
    return nnlab


def test_the_table_counts_them_and_ranks_by_their_share(study: Nnlab) -> None:
    answer = study("compare", "s", "--format", "json").json
    assert [row["setting"]["lr"] for row in answer["rows"]][2:] == [0.5, 0.3]
    assert [row["working"] for row in answer["rows"]] == [5, 5, 4, 3]
    assert [len(row["collapsed"]) for row in answer["rows"]] == [0, 0, 1, 2]
    assert min(row["mean"] for row in answer["rows"]) > 0.9
    notes = " ".join(answer["notes"])
    assert "#3 (4 of 5 seeds work), #4 (3 of 5 seeds work)" in notes
    # Five seeds were trained of each trial.
    assert "unequal numbers of seeds" not in notes
    table = study("compare", "s").out
    assert "3 of 5 seeds" in table


@pytest.mark.parametrize("suffix", ["md", "html"])
def test_reports_count_them(study: Nnlab, folder: Path, suffix: str) -> None:
    study("report", "s", "-o", f"report.{suffix}")
    text = (folder / f"report.{suffix}").read_text()
    assert "3 of 5" in text
    assert "4 of 5" in text


def test_the_runs_are_those_that_collapsed(study: Nnlab, folder: Path) -> None:
    rows = study("compare", "s", "--format", "json").json["rows"]
    collapsed = [run for row in rows for run in row["collapsed"]]
    with api.open(folder / "runs.db") as results:
        assert sorted(results.run(run).run.seed or 0 for run in collapsed) == [1, 2, 3]


def test_an_ablation_counts_them(study: Nnlab) -> None:
    notes = " ".join(study("compare", "s", "--ablation", "lr=0.1").out.split())
    assert "some seeds collapse: lr 0.3 (3 of 5 seeds work), lr 0.5 (4 of 5 seeds work)" in notes
    assert "lr 0.2 (" not in notes
