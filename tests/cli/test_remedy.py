"""remedy as typed: what it proposes, tries and proves."""

from pathlib import Path

from terminal import Nnlab

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
    found = nnlab("remedy", "1", "--format", "json").json  # nothing is trained again
    best = found["remedies"][0]
    assert (best["outcome"], best["n"], found["finding"]) == ("helped", 8, "NN203")
    assert best["low"] > 0
    assert best["p"] <= 0.05
    nnlab("plot", "remedy", found["study"], "-o", "r.svg")
    text = (folder / "r.svg").read_text()
    assert "1000 times the learning rate" in text


def test_a_budget_tries_the_first_ones(nnlab: Nnlab) -> None:
    nnlab("train", *SLOW, "--epochs", "4", "-q")
    rows = nnlab("remedy", "1", "--dry-run", "--seeds", "5", "--budget", "10", "--format", "json")
    assert len(rows.json) == 1
    few = nnlab("remedy", "1", "--dry-run", "--budget", "9", expect=2).err
    assert "does not allow 16 runs" in few
    assert "a time as 10min" in nnlab("remedy", "1", "--budget", "soon", expect=2).err
    assert len(nnlab("remedy", "1", "--dry-run", "--budget", "2h", "--format", "json").json) == 3


def test_too_few_seeds_for_so_many_remedies_are_told(nnlab: Nnlab) -> None:
    words = ("--data", "iris", "--width", "8", "--opt", "momentum", "--lr", "50", "--epochs", "4")
    nnlab("train", *words, "-q")
    told = nnlab("remedy", "1", "--seeds", "5").out
    assert "no result with fewer than 7 seeds could prove one of" in told


def test_what_cannot_be_mended_is_told(nnlab: Nnlab) -> None:
    nnlab("train", "--data", "iris", "--epochs", "1", "--probe", "none", "-q")
    assert "no findings" in nnlab("remedy", "1", expect=2).err
    told = nnlab("plot", "remedy", "default", "-o", "x.png", expect=2).err
    assert "is no study of remedies" in told
