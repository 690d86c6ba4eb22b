"""Studies from creation to report; two workers share one study."""

from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab, started


def test_a_study_from_question_to_report(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab(
        "init-study", "rate", *QUICK, "--lr", "1e-3..1e-1", "--seeds", "2",
        "--question", "Which rate?", "--objective", "val/loss:min",
    )  # fmt: skip
    assert "6 runs in study 'rate': 6 new" in answer.out
    assert "next: nnlab train --study rate" in answer.out
    overview = nnlab("studies", "--format", "json").json[0]
    assert (overview["trials"], overview["runs"], overview["queued"]) == (3, 6, 6)
    nnlab("train", "--study", "rate", "-q")
    overview = nnlab("studies", "--format", "json").json[0]
    assert (overview["finished"], overview["queued"]) == (6, 0)
    compared = nnlab("compare", "rate", "--format", "json").json
    assert (compared["by"], compared["fields"]) == ("val/loss", ["lr"])
    nnlab("report", "rate", "-o", "rate.md")
    text = (folder / "rate.md").read_text()
    for phrase in (
        "Which rate?",
        "## Findings",
        "## Ranking",
        "## What was run",
        "lower is better",
    ):
        assert phrase in text
    best = compared["rows"][0]["setting"]["lr"]
    assert f"| 1 | {best:g} | 2 |" in text


def test_only_what_is_missing_is_trained(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *QUICK, "--lr", "0.01,0.1")
    nnlab("train", "--study", "s", "-q")
    answer = nnlab("train", "--study", "s")
    assert "nothing to train" in answer.out
    assert len(nnlab("ls", "--format", "json").json) == 2


def test_a_study_that_asks_something_else_is_refused_and_unchanged(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *QUICK, "--lr", "0.01,0.1")
    for words in (["init-study", "s"], ["train", "--study", "s"]):
        answer = nnlab(*words, *QUICK, "--lr", "0.01,0.2", "--seeds", "3", expect=2)
        assert "study 's'" in answer.err
        assert "lr" in answer.err
        assert "seeds" in answer.err
    assert nnlab("studies", "--format", "json").json[0]["runs"] == 2
    assert "as it is" in nnlab("init-study", "s", "--lr", "0.5", "--skip-if-exists").out
    assert nnlab("studies", "--format", "json").json[0]["runs"] == 2


def test_the_same_study_again_is_no_error(nnlab: Nnlab) -> None:
    for _ in range(2):
        nnlab("init-study", "s", *QUICK, "--lr", "0.01,0.1")
    assert nnlab("studies", "--format", "json").json[0]["runs"] == 2


def test_a_study_from_a_file(nnlab: Nnlab, folder: Path) -> None:
    (folder / "s.toml").write_text(
        'question = "Why?"\nobjective = "val/loss:min"\ndata = "iris"\nwidth = [4, 8]\n'
        "depth = 1\nepochs = 2\nseeds = [3, 5]\n"
    )
    nnlab("init-study", "s", "--config", "s.toml")
    overview = nnlab("studies", "--format", "json").json[0]
    assert overview["question"] == "Why?"
    assert overview["objective"] == "val/loss:min"
    assert overview["seeds"] == [3, 5]
    assert overview["runs"] == 4


def test_train_with_a_new_study_and_a_setting_sets_it_up(nnlab: Nnlab) -> None:
    nnlab("train", "--study", "quick", *QUICK, "--opt", "sgd,adam", "-q")
    overview = nnlab("studies", "--format", "json").json[0]
    assert (overview["study"], overview["finished"]) == ("quick", 2)


def test_two_terminals_share_a_study(nnlab: Nnlab, folder: Path) -> None:
    nnlab("init-study", "s", *QUICK, "--lr", "1e-3..1e-1:4", "--seeds", "3", "--epochs", "20")
    alone = ("--engine", "solo", "-q")
    workers = [started(folder, "train", "--study", "s", *alone) for _ in range(2)]
    for worker in workers:
        _, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, err
    runs = nnlab("ls", "--limit", "0", "--format", "json").json
    assert [run["status"] for run in runs] == ["finished"] * 12
    attempts = [
        nnlab("show", str(run["run"]), "--format", "json").json[0]["attempts"] for run in runs
    ]
    assert [len(tried) for tried in attempts] == [1] * 12
    assert len({tried[0]["pid"] for tried in attempts}) == 2


def test_first_use_by_several_processes_makes_one_database(nnlab: Nnlab, folder: Path) -> None:
    starts = [started(folder, "train", *QUICK, "--seed", str(seed), "-q") for seed in range(4)]
    for process in starts:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    runs = nnlab("ls", "--format", "json").json
    assert sorted(run["seed"] for run in runs) == [0, 1, 2, 3]
    assert {run["status"] for run in runs} == {"finished"}
    assert "no problems" in nnlab("db", "check").out


@pytest.mark.parametrize("words", [["report"], ["report", "s", "-o", "s.markdown"]])
def test_a_report_before_anything_is_trained(nnlab: Nnlab, folder: Path, words: list[str]) -> None:
    nnlab("init-study", "s", *QUICK)
    nnlab(*words)
    written = folder / (words[-1] if len(words) > 1 else "report.html")
    assert "Nothing has been trained yet" in written.read_text()


def test_plot_draws_every_format(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--opt", "sgd,adam", "--seeds", "2", "-q")
    nnlab("plot", "curves", "-o", "a.pdf", "-o", "a.svg", "-o", "a.png")
    assert (folder / "a.pdf").read_bytes().startswith(b"%PDF")
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "a.svg").read_text()
    before = {path.name: path.read_bytes() for path in folder.glob("a.*")}
    nnlab("plot", "curves", "-o", "a.pdf", "-o", "a.svg", "-o", "a.png")
    assert {path.name: path.read_bytes() for path in folder.glob("a.*")} == before


def test_a_study_that_is_trained_by_name_takes_names_and_tags(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *QUICK)
    nnlab("train", "--study", "s", "--name", "night", "--tag", "lab", "-q")
    (run,) = nnlab("ls", "--format", "json").json
    assert (run["name"], run["tags"]) == ("night", ["lab"])
    answer = nnlab("train", "--study", "s", "--tag", "", expect=2)
    assert "--tag must be 1 to 200 printable characters" in answer.err
