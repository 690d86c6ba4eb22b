"""`nnlab remedy`: proposals, training, and results."""

import json
import sqlite3
from pathlib import Path

import pytest
from command_line_runner import Nnlab

SLOW = ("--data", "iris", "--width", "8", "--depth", "1", "--opt", "sgd", "--lr", "1e-4")


def test_the_right_remedy_is_proved_and_its_line_trains(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *SLOW, "--epochs", "10", "-q")
    plan = nnlab("remedy", "1", "--dry-run", "--format", "json").json
    assert [row["changes"] for row in plan] == ["--lr 0.001", "--lr 0.01", "--lr 0.1"]
    assert nnlab("ls", "--format", "json").json[0]["run"] == 1
    answer = nnlab("remedy", "1")
    assert "1000 times the learning rate helped most:" in answer.out
    line = next(x for x in answer.out.splitlines() if "helped most" in x).split(": nnlab ")[1]
    assert line == (
        "train --data iris --width 8 --depth 1 --opt sgd --epochs 10 --study remedy/1 --seeds 8"
    )
    # The line trains the seeds of the remedy in its study: all of them exist, and more are added.
    assert "8 runs in study 'remedy/1': 8 already trained" in nnlab(*line.split()).out
    more = nnlab(*line.split()[:-1], "9", "--dry-run").out
    assert "9 runs, 8 already trained, 1 to train" in more
    other = nnlab(*line.split(), "--lr", "0.3", expect=2).err
    assert "study 'remedy/1' exists and has another definition" in other
    output = nnlab("remedy", "1", "--format", "json").json  # nothing is trained again
    best = output["remedies"][0]
    assert (best["outcome"], best["n"], output["finding"]) == ("helped", 8, "NN203")
    assert best["low"] > 0
    assert best["p"] <= 0.05
    compared = nnlab("compare", "remedy/1", "--format", "json").json
    assert compared["fields"] == ["remedy"]
    names = {row["setting"]["remedy"]: row["setting"]["lr"] for row in compared["rows"]}
    assert names == {
        "control": 1e-4,
        "10 times the learning rate": 1e-3,
        "100 times the learning rate": 1e-2,
        "1000 times the learning rate": 0.1,
    }
    latex = nnlab("compare", "remedy/1", "--format", "latex").out
    assert "1000 times the learning rate & " in latex
    assert r"Remedy & {Validation accuracy} & {Test accuracy} \\" in latex
    ablation = nnlab("compare", "remedy/1", "--ablation", "control", "--format", "json").json
    assert {change["change"] for change in ablation["changes"]} == set(names) - {"control"}
    nnlab("report", "remedy/1", "-o", "remedies.md")
    ranking = (folder / "remedies.md").read_text().partition("## Ranking")[2]
    assert "| 1000 times the learning rate | 8 |" in ranking
    # Figures that need the setting of a trial are not disturbed by the name of its remedy.
    nnlab("plot", "lr", "remedy/1", "-o", "lr.svg")
    nnlab("plot", "remedy", output["study"], "-o", "r.svg")
    text = (folder / "r.svg").read_text()
    assert "1000 times the learning rate" in text


def test_a_budget_tries_the_first_ones(nnlab: Nnlab) -> None:
    nnlab("train", *SLOW, "--epochs", "4", "-q")
    rows = nnlab("remedy", "1", "--dry-run", "--seeds", "5", "--budget", "10", "--format", "json")
    assert len(rows.json) == 1
    words = ("--format", "json", "--seeds", "5", "--dry-run")
    names = [row["remedy"] for row in nnlab("remedy", "1", *words).json]
    assert f"left out by --budget 10: {names[1]} and {names[2]}" in rows.err
    few = nnlab("remedy", "1", "--dry-run", "--budget", "9", expect=2).err
    assert "does not allow 16 runs" in few
    for budget in ("soon", "\N{SUPERSCRIPT TWO}", ""):
        assert "a time as 10min" in nnlab("remedy", "1", "--budget", budget, expect=2).err
    assert len(nnlab("remedy", "1", "--dry-run", "--budget", "2h", "--format", "json").json) == 3


def test_five_seeds_can_prove_one_of_many_remedies(nnlab: Nnlab) -> None:
    words = ("--data", "iris", "--width", "8", "--opt", "momentum", "--lr", "50", "--epochs", "4")
    nnlab("train", *words, "--name", "too fast", "-q")
    nnlab("remedy", "too fast", "--seeds", "5", "--budget", "10")
    assert len(nnlab("ls", "--format", "json").json) == 1 + 2 * 5
    # The remedies that the budget had left out are added to the study.
    answer = nnlab("remedy", "too fast", "--seeds", "5", "--format", "json").json
    assert answer["study"] == "remedy/too fast"
    assert len(answer["remedies"]) == 6
    assert len(nnlab("ls", "remedy/too fast", "-n", "50", "--format", "json").json) == 7 * 5
    best = answer["remedies"][0]
    assert (best["outcome"], best["p"]) == ("helped", 1 / 32)


def test_overfitting_is_judged_by_the_final_validation_loss(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", "--data", "diabetes", "--lr", "0.01", "--epochs", "60", "-q")
    text = nnlab("remedy", "1", "--seeds", "7", "--budget", "42").out
    assert "better by: val/loss at the last epoch, which NN101 concerns" in " ".join(text.split())
    assert "best epoch: improvement of val/loss at the best epoch of each run" in text
    answer = nnlab("remedy", "1", "--seeds", "7", "--budget", "42", "--format", "json").json
    assert answer["judged_by"] == "val/loss at the last epoch"
    (early,) = (remedy for remedy in answer["remedies"] if remedy["name"] == "early stopping")
    assert (early["metric"], early["at"], early["outcome"]) == ("val/loss", "last", "helped")
    assert {remedy["at"] for remedy in answer["remedies"]} == {"last"}
    # A run that stops early has its best epoch no later than the control, and no better one.
    assert early["best_effect"] <= 0.0
    db = sqlite3.connect(folder / "runs.db")
    last = dict(
        db.execute(
            "SELECT trial.setting ->> '$.early_stop', avg(summary.last) FROM summary"
            " JOIN metric ON metric.id = metric_id JOIN run ON run.id = run_id"
            " JOIN trial ON trial.id = trial_id JOIN study ON study.id = study_id"
            " WHERE metric.name = 'val/loss' AND study.name = 'remedy/1'"
            " AND trial.digest IN (?, ?) GROUP BY 1",
            digests(db),
        ).fetchall()
    )
    db.close()
    assert early["effect"] == pytest.approx(last[0] - last[6])
    assert early["effect"] > 0.1
    nnlab("plot", "remedy", "remedy/1", "-o", "r.svg")
    drawn = (folder / "r.svg").read_text()
    assert "validation loss (last epoch)" in drawn
    for name in ("r.md", "r.html", "r.tex"):
        nnlab("report", "remedy/1", "-o", name)
        assert "at the last epoch, which NN101 concerns" in (folder / name).read_text()


def digests(db: sqlite3.Connection) -> tuple[str, str]:
    """The trials of the control and of early stopping, by their digest."""
    (arms,) = db.execute("SELECT arms FROM study WHERE name = 'remedy/1'").fetchone()
    by_name = {arm["name"]: arm["trials"][0] for arm in json.loads(arms)}
    return by_name["control"], by_name["early stopping"]


def test_what_cannot_be_mended_is_told(nnlab: Nnlab) -> None:
    nnlab("train", "--data", "iris", "--epochs", "1", "--probe", "none", "-q")
    assert "no findings" in nnlab("remedy", "1", expect=2).err
    error = nnlab("plot", "remedy", "default", "-o", "x.png", expect=2).err
    assert "is not a remedy study" in error
