"""`nnlab diagnose PATH`: logs of other tools, read without a database."""

import json
from pathlib import Path

from command_line_runner import Nnlab

RISING = [
    {"epoch": e, "train_loss": 2 * 0.7**e, "eval_loss": 1 + 0.04 * abs(e - 4) ** 1.5}
    for e in range(1, 16)
]


def write(path: Path, rows: list[dict[str, float]]) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_log_is_diagnosed_without_a_database(nnlab: Nnlab, folder: Path) -> None:
    write(folder / "logs/a.jsonl", RISING)
    answer = nnlab("diagnose", "logs", "--fail-on", "NN101", expect=3)
    assert "a  (jsonl, logs/a.jsonl)" in answer.out
    assert "metrics: train/loss, val/loss" in answer.out
    assert "NN101 overfitting" in answer.out
    assert not (folder / "runs.db").exists()
    (row,) = nnlab("diagnose", "logs/a.jsonl", "--format", "json").json
    assert (row["code"], row["onset"], row["kind"], row["axis"]) == ("NN101", 4, "jsonl", "epoch")
    assert row["metrics"]["val/loss"] == {"logged": "eval_loss", "points": 15}


def test_a_log_without_a_validation_loss_says_what_was_found(nnlab: Nnlab, folder: Path) -> None:
    for name, row in (("a", "eval_loss"), ("b", "train_loss_epoch")):
        write(folder / f"{name}.jsonl", [{"epoch": e, row: 1 / e} for e in range(1, 9)])
    found = nnlab("diagnose", "a.jsonl").out
    assert "found: val/loss (8 values); no training loss or accuracy" in found
    found = nnlab("diagnose", "b.jsonl").out
    assert "found: train/loss (8 values); no validation loss or accuracy" in found
    write(folder / "c.jsonl", [{"epoch": e, "temperature": 1 / e} for e in range(1, 9)])
    assert "no loss or accuracy: nothing can be diagnosed" in nnlab("diagnose", "c.jsonl").out


def test_a_metric_of_a_log_is_mapped(nnlab: Nnlab, folder: Path) -> None:
    rows = [
        {"epoch": r["epoch"], "train_loss": r["train_loss"], "q": r["eval_loss"]} for r in RISING
    ]
    write(folder / "a.jsonl", rows)
    assert "NN101" not in nnlab("diagnose", "a.jsonl").out
    assert "NN101" in nnlab("diagnose", "a.jsonl", "--map", "val_loss=q").out


def test_a_study_comes_before_the_folder_it_was_imported_from(nnlab: Nnlab, folder: Path) -> None:
    write(folder / "logs/a.jsonl", RISING)
    nnlab("import", "logs")
    assert "run 1 " in nnlab("diagnose", "logs").out
    assert "jsonl" in nnlab("diagnose", "./logs").out
    (folder / "empty").mkdir()
    assert "no logged run in empty" in nnlab("diagnose", "empty", expect=1).err


def test_evaluations_that_share_an_epoch_are_diagnosed_by_steps(nnlab: Nnlab, folder: Path) -> None:
    rows = [{**row, "step": int(100 * row["epoch"]), "epoch": 1} for row in RISING]
    write(folder / "a.jsonl", rows)
    (row,) = nnlab("diagnose", "a.jsonl", "--format", "json").json
    assert (row["code"], row["onset"], row["axis"]) == ("NN101", 400, "step")
