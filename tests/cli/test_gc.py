"""`nnlab db gc` on a database that somebody else wrote: nothing outside its own folders goes."""

import sqlite3
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab


def say_in_database(folder: Path, sql: str, *bound: object) -> None:
    with sqlite3.connect(folder / "runs.db") as connection:
        connection.execute(sql, bound)
    connection.close()


@pytest.fixture
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the user, outside of what the database may touch."""
    made = tmp_path_factory.mktemp("photos")
    (made / "1").mkdir()
    for name in ("holiday.jpg", "model.pt", "checkpoint-3.pt"):
        (made / "1" / name).write_text("mine")
    return made


def intact(photos: Path) -> bool:
    return {path.read_text() for path in (photos / "1").iterdir()} == {"mine"} and (
        len(list((photos / "1").iterdir())) == 3
    )


@pytest.mark.parametrize("prefix", ["", "file://", "local://"])
def test_a_place_that_the_database_claims_is_not_deleted(
    nnlab: Nnlab, folder: Path, photos: Path, prefix: str
) -> None:
    nnlab("train", *QUICK, "-q")
    say_in_database(folder, "UPDATE run SET artifacts = ?", f"{prefix}{photos}")
    nnlab("rm", "1", "-y")
    answer = nnlab("db", "gc", "-y")
    told = " ".join(answer.err.split())
    assert "is kept: nnlab does not create a folder of that name for this run" in told
    assert intact(photos)


def test_the_folder_of_another_database_is_not_deleted(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q", "--db", "victim.db", "--artifacts", "shared")
    (model,) = folder.glob("shared/*/1/model.safetensors")
    nnlab("train", *QUICK, "-q")
    say_in_database(folder, "UPDATE run SET artifacts = ?", str(model.parent.parent))
    nnlab("rm", "1", "-y")
    nnlab("db", "gc", "-y")
    assert model.exists()
    assert "no problems" in nnlab("db", "check", "--db", "victim.db").out


def test_a_link_under_the_name_that_nnlab_would_give_is_not_followed(
    nnlab: Nnlab, folder: Path, photos: Path
) -> None:
    nnlab("train", *QUICK, "-q", "--artifacts", "shared")
    (stamp,) = folder.glob("shared/*")
    for file in sorted(stamp.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    stamp.rmdir()
    stamp.symlink_to(photos)
    (photos / "1" / "holiday.jpg").rename(photos / "1" / "checkpoint-4.pt")
    nnlab("rm", "1", "-y")
    answer = nnlab("db", "gc", "-y")
    assert "is kept: its folder is a symbolic link" in " ".join(answer.err.split())
    assert intact(photos)


def test_files_elsewhere_of_an_earlier_version_go_and_those_of_others_stay(
    nnlab: Nnlab, folder: Path
) -> None:
    nnlab("train", *QUICK, "--seeds", "2", "-q", "--artifacts", "shared")
    ours, other = sorted(folder.glob("shared/*/*"))
    for place in (ours, other):
        (place / ".nnlab-run").unlink()
    (other / "notes.txt").write_text("mine")
    nnlab("rm", "1", "2", "-y")
    nnlab("db", "gc", "-y")
    assert not ours.exists()
    names = sorted(path.name for path in other.iterdir())
    assert names == ["model.json", "model.safetensors", "notes.txt"]


def test_every_path_is_listed_before_anything_is_deleted(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--seeds", "3", "-q")
    nnlab("train", *QUICK, "-q", "--lr", "0.5", "--artifacts", "shared")
    (stamp,) = folder.glob("shared/*")
    orphan = folder / "runs.artifacts" / "77"
    orphan.mkdir()
    nnlab("rm", "1", "2", "4", "-y")
    listed = nnlab("db", "gc", "--dry-run").out
    # A line is not broken, however long its path is.
    for path in ("runs.artifacts/1", "runs.artifacts/2", "runs.artifacts/77", f"{stamp}/4"):
        assert f"to be deleted: {path}\n" in listed
    assert "runs.artifacts/3" not in listed
    nnlab("db", "gc", "-y")
    assert [path.name for path in (folder / "runs.artifacts").iterdir()] == ["3"]
    assert not stamp.exists()


def test_training_does_not_write_to_a_place_that_the_database_claims(
    nnlab: Nnlab, folder: Path, photos: Path
) -> None:
    nnlab("init-study", "s", *QUICK)
    nnlab("train", "--study", "s", "-q")
    say_in_database(
        folder, "UPDATE run SET artifacts = ?, status = 'queued', epochs = 0", str(photos)
    )
    answer = nnlab("train", "--study", "s", "-q", expect=1)
    assert "which is not a folder that nnlab created for it" in " ".join(
        (answer.out + answer.err).split()
    )
    assert intact(photos)
