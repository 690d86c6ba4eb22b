"""Removed runs are in no list, ranking, figure or report; they can be restored until `db gc`."""

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
def depth_study(nnlab: Nnlab) -> Nnlab:
    """A study of two trials and two seeds, and a run of another."""
    nnlab(
        "train", *QUICK, "--opt", "sgd,adam", "--seeds", "2", "-q",
        "--study", "depth", "--name", "base",
    )  # fmt: skip
    nnlab("train", *QUICK, "--seed", "9", "-q")
    return nnlab


def test_a_study_is_gone_from_everywhere_and_comes_back_as_it_was(
    depth_study: Nnlab, folder: Path
) -> None:
    shown = ["ls", "studies", "compare"]
    before = dump(folder), [depth_study(words, "--format", "json").json for words in shown]
    answer = depth_study("rm", "depth", "--yes")
    assert "removed 4 runs and 1 study" in answer.out
    assert "4 finished" in answer.out
    assert [row["run"] for row in depth_study("ls", "--format", "json").json] == [5]
    assert [row["study"] for row in depth_study("studies", "--format", "json").json] == ["default"]
    ranked = depth_study("compare", "--format", "json").json
    assert [row["runs"] for row in ranked["rows"]] == [[5]]
    watched = depth_study("watch", "--once", "--format", "json").json
    assert (watched["runs"], watched["epochs"]) == (1, 3)
    depth_study("report", "-o", "all.md")
    assert "depth" not in (folder / "all.md").read_text().replace("depth 1", "")
    for line in NAMING_IT:
        assert depth_study(*line.split(), expect=2).err, line
    removed = depth_study("ls", "depth", "--removed", "--format", "json").json
    assert [row["run"] for row in removed] == [4, 3, 2, 1]
    assert "restored 4 runs and 1 study" in depth_study("rm", "--undo").out
    assert (
        dump(folder),
        [depth_study(words, "--format", "json").json for words in shown],
    ) == before


def test_what_was_removed_is_trained_again_as_a_new_run(depth_study: Nnlab) -> None:
    depth_study("rm", "depth", "-y")
    again = depth_study("train", *QUICK, "--opt", "sgd,adam", "--seeds", "2", "--study", "depth")
    assert "4 runs in study 'depth': 4 new" in again.out
    assert [row["run"] for row in depth_study("ls", "depth", "--format", "json").json] == [
        9,
        8,
        7,
        6,
    ]
    assert depth_study("show", "6", "--format", "json").json[0]["repeat"] == 1
    assert "restored 4 runs" in depth_study("rm", "--undo", "depth").out
    assert [row["runs"] for row in depth_study("studies", "--format", "json").json] == [4, 1]


def test_names_numbers_and_studies_can_be_mixed(depth_study: Nnlab) -> None:
    depth_study("rm", "5", "#1", "-y")
    assert "restored 1 run\n" in depth_study("rm", "--undo", "1").out
    assert "restored 1 run\n" in depth_study("rm", "--undo").out
    assert "removed 4 runs\n" in depth_study("rm", "base", "-y").out
    assert "restored 4 runs\n" in depth_study("rm", "--undo", "base").out
    assert len(depth_study("ls", "--format", "json").json) == 5


def test_without_a_terminal_it_asks_for_yes(depth_study: Nnlab, folder: Path) -> None:
    before = dump(folder)
    for words in (["rm", "1"], ["rm", "depth"]):
        assert "--yes confirms" in depth_study(*words, expect=2).err
    assert dump(folder) == before


@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_it_asks(
    depth_study: Nnlab, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    calls: list[str] = []

    def confirm(question: str) -> bool:
        calls.append(question)
        return answer == "y"

    monkeypatch.setattr("typer.confirm", confirm)
    text = depth_study("rm", "1", "2", expect=0 if answer == "y" else 1).out
    assert calls == ["remove 2 runs?"]
    assert ("nothing was removed" in text) == (answer == "n")
    assert len(depth_study("ls", "--format", "json").json) == (3 if answer == "y" else 5)


@pytest.mark.parametrize(
    ("words", "message"),
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
def test_what_cannot_be_done_is_said(depth_study: Nnlab, words: list[str], message: str) -> None:
    assert message in depth_study(*words, expect=2).err


def test_gc_deletes_for_good_and_says_how_much(depth_study: Nnlab, folder: Path) -> None:
    assert "nothing to delete" in depth_study("db", "gc").out
    (folder / "runs.artifacts" / "77").mkdir()
    (folder / "runs.artifacts" / "77" / "model.pt").write_bytes(b"x" * 2048)
    depth_study("rm", "depth", "-y")
    before = dump(folder)
    dry = depth_study("db", "gc", "--dry-run").out
    for text in ("removed runs", "removed studies", "not in the database", "2.0 KiB", "dry run"):
        assert text in dry
    assert "--yes confirms" in depth_study("db", "gc", expect=2).err
    assert dump(folder) == before
    assert "freed" in depth_study("db", "gc", "--yes").out
    assert [path.name for path in (folder / "runs.artifacts").iterdir()] == ["5"]
    assert depth_study("ls", "--removed", "--format", "json").json == []
    assert "nothing is removed" in depth_study("rm", "--undo", expect=2).err
    assert "no problems" in depth_study("db", "check").out
    assert [row["run"] for row in depth_study("ls", "--format", "json").json] == [5]


def test_a_dry_run_of_gc_needs_no_right_to_write(depth_study: Nnlab, folder: Path) -> None:
    depth_study("rm", "1", "-y")
    (folder / "runs.db").chmod(0o400)
    assert "removed runs" in depth_study("db", "gc", "--dry-run").out
