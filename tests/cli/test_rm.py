"""Removed from every list, ranking, figure and report; restored; deleted for good."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

# Lines that name what was removed.
NAMING_IT = (
    "ls depth",
    "compare depth",
    "compare base",
    "show 1",
    "report depth -o x.md",
    "plot curves 1 -o x.svg",
    "watch depth --once",
    "train --study depth",
    "train --data iris --from 1",
    "stop 1",
    "rm depth --yes",
)


def dump(folder: Path) -> list[str]:
    """Every row of every table, as SQL."""
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return list(connection.iterdump())


@pytest.fixture
def depth(nnlab: Nnlab) -> Nnlab:
    """A study of two trials and two seeds, and a run of another."""
    nnlab(
        "train", *QUICK, "--opt", "sgd,adam", "--seeds", "2", "-q",
        "--study", "depth", "--name", "base",
    )  # fmt: skip
    nnlab("train", *QUICK, "--seed", "9", "-q")
    return nnlab


def test_a_study_is_gone_from_everywhere_and_comes_back_as_it_was(
    depth: Nnlab, folder: Path
) -> None:
    shown = ["ls", "studies", "compare"]
    before = dump(folder), [depth(words, "--format", "json").json for words in shown]
    answer = depth("rm", "depth", "--yes")
    assert "removed 4 runs and 1 study" in answer.out
    assert "4 finished" in answer.out
    assert [row["run"] for row in depth("ls", "--format", "json").json] == [5]
    assert [row["study"] for row in depth("studies", "--format", "json").json] == ["default"]
    ranked = depth("compare", "--format", "json").json
    assert [row["runs"] for row in ranked["rows"]] == [[5]]
    watched = depth("watch", "--once", "--format", "json").json
    assert (watched["runs"], watched["epochs"]) == (1, 3)
    depth("report", "-o", "all.md")
    assert "depth" not in (folder / "all.md").read_text().replace("depth 1", "")
    for line in NAMING_IT:
        assert depth(*line.split(), expect=2).err, line
    removed = depth("ls", "depth", "--removed", "--format", "json").json
    assert [row["run"] for row in removed] == [4, 3, 2, 1]
    assert "restored 4 runs and 1 study" in depth("rm", "--undo").out
    assert (dump(folder), [depth(words, "--format", "json").json for words in shown]) == before


def test_what_was_removed_is_trained_again_as_a_new_run(depth: Nnlab) -> None:
    depth("rm", "depth", "-y")
    again = depth("train", *QUICK, "--opt", "sgd,adam", "--seeds", "2", "--study", "depth")
    assert "4 runs in study 'depth': 4 new" in again.out
    assert [row["run"] for row in depth("ls", "depth", "--format", "json").json] == [9, 8, 7, 6]
    assert depth("show", "6", "--format", "json").json[0]["repeat"] == 1
    assert "restored 4 runs" in depth("rm", "--undo", "depth").out
    assert [row["runs"] for row in depth("studies", "--format", "json").json] == [4, 1]


def test_names_numbers_and_studies_can_be_mixed(depth: Nnlab) -> None:
    depth("rm", "5", "#1", "-y")
    assert "restored 1 run\n" in depth("rm", "--undo", "1").out
    assert "restored 1 run\n" in depth("rm", "--undo").out
    assert "removed 4 runs\n" in depth("rm", "base", "-y").out
    assert "restored 4 runs\n" in depth("rm", "--undo", "base").out
    assert len(depth("ls", "--format", "json").json) == 5


def test_without_a_terminal_it_asks_for_yes(depth: Nnlab, folder: Path) -> None:
    before = dump(folder)
    for words in (["rm", "1"], ["rm", "depth"]):
        assert "--yes confirms" in depth(*words, expect=2).err
    assert dump(folder) == before


@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_it_asks(depth: Nnlab, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return answer == "y"

    monkeypatch.setattr("typer.confirm", confirm)
    told = depth("rm", "1", "2", expect=0 if answer == "y" else 1).out
    assert asked == ["remove 2 runs?"]
    assert ("nothing was removed" in told) == (answer == "n")
    assert len(depth("ls", "--format", "json").json) == (3 if answer == "y" else 5)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rm"], "needs the name of a study"),
        (["rm", "nothing", "--yes"], "unknown study or run 'nothing'"),
        (["rm", "99", "--yes"], "unknown run '99'"),
        (["rm", "--undo"], "nothing is removed"),
        (["rm", "--undo", "depth"], "nothing is removed of depth"),
        (["rm", "--undo", "1"], "run 1 is not removed"),
        (["rm", "--undo", "nothing"], "unknown study or run 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_said(depth: Nnlab, words: list[str], told: str) -> None:
    assert told in depth(*words, expect=2).err


def test_gc_deletes_for_good_and_says_how_much(depth: Nnlab, folder: Path) -> None:
    assert "nothing to delete" in depth("db", "gc").out
    (folder / "runs.artifacts" / "77").mkdir()
    (folder / "runs.artifacts" / "77" / "model.pt").write_bytes(b"x" * 2048)
    depth("rm", "depth", "-y")
    before = dump(folder)
    dry = depth("db", "gc", "--dry-run").out
    for told in ("removed runs", "removed studies", "not in the database", "2.0 KiB", "dry run"):
        assert told in dry
    assert "--yes confirms" in depth("db", "gc", expect=2).err
    assert dump(folder) == before
    assert "freed" in depth("db", "gc", "--yes").out
    assert [path.name for path in (folder / "runs.artifacts").iterdir()] == ["5"]
    assert depth("ls", "--removed", "--format", "json").json == []
    assert "nothing is removed" in depth("rm", "--undo", expect=2).err
    assert "no problems" in depth("db", "check").out
    assert [row["run"] for row in depth("ls", "--format", "json").json] == [5]


def test_a_dry_run_of_gc_needs_no_right_to_write(depth: Nnlab, folder: Path) -> None:
    depth("rm", "1", "-y")
    (folder / "runs.db").chmod(0o400)
    assert "removed runs" in depth("db", "gc", "--dry-run").out
