"""`nnlab remedy`: proposals, training, and results."""

import json
import shlex
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
    assert line == ("train --data iris --width 8 --depth 1 --opt sgd --epochs 10")
    nnlab(*line.split(), "-q")
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
    few = nnlab("remedy", "1", "--dry-run", "--budget", "9", expect=2).err
    assert "does not allow 16 runs" in few
    for budget in ("soon", "\N{SUPERSCRIPT TWO}", ""):
        assert "a time as 10min" in nnlab("remedy", "1", "--budget", budget, expect=2).err
    assert len(nnlab("remedy", "1", "--dry-run", "--budget", "2h", "--format", "json").json) == 3


def test_too_few_seeds_for_so_many_remedies_are_reported_before_training(nnlab: Nnlab) -> None:
    words = ("--data", "iris", "--width", "8", "--opt", "momentum", "--lr", "50", "--epochs", "4")
    nnlab("train", *words, "--name", "too fast", "-q")
    plan = nnlab("remedy", "too fast", "--seeds", "5", "--dry-run", "--format", "json")
    count = len(plan.json)
    assert count == 6
    message = f"5 seeds cannot prove that one of {count} remedies helps"
    assert message in plan.err
    refused = nnlab("remedy", "too fast", "--seeds", "5", expect=2).err
    assert message in refused
    assert "needs at least 7 seeds" in refused
    assert "nnlab remedy 'too fast' --seeds 7;" in refused
    assert len(nnlab("ls", "--format", "json").json) == 1  # nothing was trained
    few = shlex.split(refused.split("; or ")[1].split(",")[0])
    assert few == ["nnlab", "remedy", "too fast", "--seeds", "5", "--budget", "10"]
    nnlab(*few[1:])
    assert len(nnlab("ls", "--format", "json").json) == 1 + 2 * 5


def test_early_stopping_is_judged_at_the_last_epoch(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", "--data", "diabetes", "--lr", "0.01", "--epochs", "60", "-q")
    nnlab("remedy", "1", "--seeds", "7")
    answer = nnlab("remedy", "1", "--seeds", "7", "--format", "json").json
    (early,) = (remedy for remedy in answer["remedies"] if remedy["name"] == "early stopping")
    assert (early["at"], early["outcome"]) == ("last", "helped")
    assert {remedy["at"] for remedy in answer["remedies"] if remedy is not early} == {"best"}
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
