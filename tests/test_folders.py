"""One test suite for all kinds of folders."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from nnlab.errors import DiskFull, OutputError, UsageError
from nnlab.io.folders import Folder, LocalFolder, UrlFolder, folder_at


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    if request.param == "disk":
        yield LocalFolder(tmp_path / "lab")
    else:
        yield UrlFolder("memory://lab")
        memory = fsspec.filesystem("memory")
        memory.store.clear()
        memory.pseudo_dirs[:] = [""]


def test_what_is_written_is_read(folder: Folder) -> None:
    assert folder.within("7").file_names() == []
    folder.within("7").write("model.pt", b"\0weights")
    folder.within("7").write("model.pt", b"\0better")
    assert folder.within("7").read("model.pt") == b"\0better"
    assert folder.read("7/model.pt") == b"\0better"
    assert folder.within("7").file_names() == ["model.pt"]
    assert folder.within("7").size_of("model.pt") == 7
    assert folder.size_of("7/nothing") is None


def test_what_is_appended_stands_at_the_end(folder: Folder) -> None:
    for line in (b"one\n", b"two\n"):
        folder.append("12.waiting", line)
    assert folder.read("12.waiting") == b"one\ntwo\n"


def test_a_file_takes_another_name_or_goes(folder: Folder) -> None:
    folder.write("a", b"1")
    folder.write("b", b"2")
    folder.rename("a", "c")
    assert folder.file_names() == ["b", "c"]
    folder.remove("b")
    folder.remove("b")
    assert folder.file_names() == ["c"]
    folder.remove_folder()
    folder.remove_folder()
    assert folder.file_names() == []


def test_what_is_not_there_is_no_file(folder: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        folder.read("nothing")


def test_only_an_empty_folder_is_tidied_away(folder: Folder) -> None:
    folder.within("1").write("model.pt", b"x")
    folder.within("1").remove_incomplete_files()
    assert folder.within("1").file_names() == ["model.pt"]
    folder.within("1").remove("model.pt")
    folder.within("1").remove_incomplete_files()
    assert folder.within("1").file_names() == []


def test_a_folder_on_a_disk_is_where_its_path_says(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path)
    folder.write("a", b"1")
    (tmp_path / ".b.77.part").write_bytes(b"half")
    folder.remove_incomplete_files()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert folder.local("a", "of no matter") == tmp_path / "a"


def test_a_file_from_elsewhere_is_fetched_once_and_compared(folder: Folder) -> None:
    if isinstance(folder, LocalFolder):
        return  # it is here: nothing is fetched
    folder.within("1").write("model.pt", b"weights")
    digest = "9dcd1a7e9eb0a7d4ce0b9ddd9d76a4e38bcde6ce0d9bd9d6dd4f1b0f5b6f5e0a"
    with pytest.raises(OutputError, match="not the file that the run created"):
        folder.local("1/model.pt", digest)
    import hashlib

    digest = hashlib.sha256(b"weights").hexdigest()
    path = folder.local("1/model.pt", digest)
    assert path.read_bytes() == b"weights"
    folder.within("1").remove("model.pt")
    assert folder.local("1/model.pt", digest) == path


def test_a_place_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for act in ("write", "append"):
        with pytest.raises(OutputError, match=r"cannot write .*checkpoint\.pt"):
            getattr(LocalFolder(tmp_path / "file"), act)("checkpoint.pt", b"x")


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for act in ("write", "append"):
        with pytest.raises(DiskFull, match="no room left"):
            getattr(LocalFolder(tmp_path), act)("a", b"x")


def test_a_place_that_nothing_reaches_is_told() -> None:
    with pytest.raises(OutputError, match=r"nowhere://lab cannot be reached: .*nowhere"):
        UrlFolder("nowhere://lab").write("a", b"x")


def test_what_a_place_says_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = UrlFolder("memory://lab")
    system, _ = folder._filesystem_and_path

    def denied(*_: object, **__: object) -> None:
        raise RuntimeError("AccessDenied: who are you?")

    monkeypatch.setattr(system, "pipe_file", denied)
    with pytest.raises(OutputError, match="memory://lab failed: AccessDenied: who are you"):
        folder.write("a", b"x")


def test_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="contains a password or key") as caught:
        folder_at("sftp://ann:hunter2@lab.example/runs")
    assert "hunter2" not in caught.value.message
    assert isinstance(folder_at("s3://lab/runs"), UrlFolder)


def test_a_path_and_a_file_url_are_the_same(tmp_path: Path) -> None:
    folder_at(f"file://{tmp_path}").write("a", b"1")
    assert folder_at(str(tmp_path)).read("a") == b"1"
