"""Splits by group, time and file, folds and balanced sampling, from training to the ranking."""

from pathlib import Path

import pytest
from command_line_runner import Nnlab

SMALL = ("--width", "8", "--depth", "1", "--epochs", "3")


@pytest.fixture(autouse=True)
def table(folder: Path) -> None:
    lines = ["user,day,size,weight,kind"]
    for row in range(120):
        kind = "ab"[row * 7 % 10 > 6]
        lines.append(f"u{row % 12},2024-01-{1 + row // 5:02d},{row % 7}.5,{row * 7 % 10},{kind}")
    (folder / "t.csv").write_text("\n".join(lines) + "\n")


def test_folds_are_paired_like_seeds(nnlab: Nnlab) -> None:
    nnlab("train", "--data", "iris", *SMALL, "--folds", "5", "--opt", "sgd,adam", "-q")
    runs = nnlab("ls", "--format", "json").json
    assert sorted(run["seed"] for run in runs) == sorted([*range(5)] * 2)
    answer = nnlab("compare", "--by", "val/accuracy")
    assert "not comparable" not in answer.out
    rows = nnlab("compare", "--by", "val/accuracy", "--format", "json").json
    assert [row["n"] for row in rows["rows"]] == [5, 5]
    assert "10 already trained" in nnlab(
        "train", "--data", "iris", *SMALL, "--folds", "5", "--opt", "sgd,adam"
    ).out  # fmt: skip


def test_folds_and_other_splits_are_not_ranked_together(nnlab: Nnlab) -> None:
    nnlab("train", "--data", "iris", *SMALL, "-q")
    nnlab("train", "--data", "iris", *SMALL, "--folds", "3", "-q")
    assert "2 groups of runs that are not comparable" in nnlab("compare").out


def test_a_grouped_table_trains_and_is_verified(nnlab: Nnlab) -> None:
    data = ("--data", "csv:t.csv#kind", "--split-by-time", "day", *SMALL)
    answer = nnlab("train", *data, expect=None)
    assert answer.code == 0, answer.err
    nnlab("verify", "1")
    show = nnlab("data", "show", "csv:t.csv#kind", "--split-by-time", "day", "--format", "json")
    assert [show.json["splits"][name] for name in ("train", "val", "test")] == [80, 20, 20]


def test_balanced_sampling_is_swept(nnlab: Nnlab) -> None:
    nnlab("train", "--data", "iris", *SMALL, "--sampling", "uniform,balanced", "-q")
    trials = {run["trial"] for run in nnlab("ls", "--format", "json").json}
    assert trials == {"sampling=uniform", "sampling=balanced"}


def test_splits_that_cannot_be_drawn_fail_the_runs(nnlab: Nnlab) -> None:
    words = ("--data", "csv:t.csv#kind", "--drop-columns", "day", "--split-by", "user", *SMALL)
    answer = nnlab("train", *words, "--folds", "11", expect=1)
    assert "too few for --folds 11" in answer.err + answer.out
    assert {run["status"] for run in nnlab("ls", "--format", "json").json} == {"failed"}


def test_folds_have_the_same_results_in_every_engine(nnlab: Nnlab) -> None:
    words = ("--data", "iris", *SMALL, "--folds", "3", "-q")
    nnlab("train", *words, "--engine", "solo", "--study", "solo")
    nnlab("train", *words, "--engine", "stacked", "--study", "stacked", "--again")
    rows = [
        nnlab("compare", study, "--format", "json").json["rows"] for study in ("solo", "stacked")
    ]
    assert len(rows[0]) == 1
    assert [rows[0][0][key] for key in ("n", "mean", "sd")] == [
        rows[1][0][key] for key in ("n", "mean", "sd")
    ]
