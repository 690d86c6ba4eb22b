"""Moved data files are found beside the database, in NNLAB_DATA, or by a new path."""

import shutil
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab.engine.data import location, prepare

SMALL = ("--width", "4", "--depth", "1", "--epochs", "1", "-q")


@pytest.fixture(autouse=True)
def no_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """The places of one command are not those of the next."""
    monkeypatch.setattr(location, "_search_folders", {})
    monkeypatch.setattr(location, "_moved_paths", {})
    prepare._prepare_cached.cache_clear()


@pytest.fixture
def data(folder: Path) -> Path:
    path = folder / "lab" / "points.csv"
    path.parent.mkdir()
    path.write_text("a,b,y\n" + "".join(f"{n},{-n % 7},{'pq'[n % 2]}\n" for n in range(40)))
    return path


def test_a_relative_path_is_looked_up_beside_the_database(
    nnlab: Nnlab, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data.parent)
    nnlab("train", "--data", "csv:points.csv#y", *SMALL)
    monkeypatch.chdir(folder)
    data.parent.rename(folder / "moved")
    prepare._prepare_cached.cache_clear()
    nnlab("verify", "1", "--db", "moved/runs.db")
    nnlab("train", "--data", "csv:points.csv#y", *SMALL, "--db", "moved/runs.db")
    assert len(nnlab("ls", "--db", "moved/runs.db", "--format", "json").json) == 1


def test_the_message_says_where_it_was_looked_for_and_how_to_name_it(
    nnlab: Nnlab, data: Path, folder: Path
) -> None:
    nnlab("train", "--data", f"csv:{data}#y", *SMALL)
    data.rename(folder / "points.csv")
    prepare._prepare_cached.cache_clear()
    answer = nnlab("verify", "1", expect=None)
    assert f"no data file at {data}" in answer.out + answer.err
    answer = nnlab("train", "--data", "csv:other.csv", *SMALL, expect=1)
    assert "no data file at other.csv, nor at" in answer.err
    assert "NNLAB_DATA" in answer.err
    assert "the same content counts as the same data" in answer.err


def test_nnlab_data_names_the_folder_of_a_file_that_was_moved(
    nnlab: Nnlab, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nnlab("train", "--data", f"csv:{data}#y", *SMALL)
    (folder / "new").mkdir()
    data.rename(folder / "new" / "points.csv")
    monkeypatch.setenv("NNLAB_DATA", str(folder / "new"))
    prepare._prepare_cached.cache_clear()
    (result,) = nnlab("verify", "1", "--format", "json").json
    assert result["holds"]


@pytest.mark.parametrize("devices", ["cpu:1", "cpu:2"])
def test_the_same_content_under_another_path_is_the_same_trial(
    nnlab: Nnlab, data: Path, folder: Path, devices: str
) -> None:
    nnlab("train", "--data", f"csv:{data}#y", *SMALL)
    renamed = folder / "renamed.csv"
    shutil.move(data, renamed)
    prepare._prepare_cached.cache_clear()
    words = ("train", "--data", f"csv:{renamed}#y", *SMALL, "--devices", devices)
    answer = nnlab(*words, "--seeds", "3")
    assert f"{renamed} has the content of {data}" in answer.err
    rows = nnlab("ls", "--format", "json").json
    assert [row["status"] for row in rows] == ["finished"] * 3
    assert len({nnlab("show", n, "--format", "json").json[0]["digest"] for n in "123"}) == 1
    assert nnlab("db", "check").code == 0


def test_other_content_or_another_target_is_another_trial(
    nnlab: Nnlab, data: Path, folder: Path
) -> None:
    nnlab("train", "--data", f"csv:{data}#y", *SMALL)
    nnlab("train", "--data", f"csv:{data}#b", *SMALL)
    other = folder / "other.csv"
    other.write_text(data.read_text() + "1,2,p\n")
    nnlab("train", "--data", f"csv:{other}#y", *SMALL)
    trials = {nnlab("show", str(n), "--format", "json").json[0]["digest"] for n in (1, 2, 3)}
    assert len(trials) == 3
