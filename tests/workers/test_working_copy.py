"""Copies of working folders for scripts that are executed again."""

import os
from pathlib import Path

from nnlab.workers.working_copy import create_working_copy

BEGAN = 1_000_000.0


def _file(path: Path, *, age: float, size: int = 3) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (BEGAN - age, BEGAN - age))


def test_inputs_are_there_and_results_are_not(tmp_path: Path) -> None:
    folder, copy = tmp_path / "work", tmp_path / "copy"
    _file(folder / "train.py", age=-5)  # edited after the run
    _file(folder / "notes.txt", age=5)
    _file(folder / "big.bin", age=5, size=2 << 20)
    _file(folder / "out" / "last.pt", age=-5)
    _file(folder / "data" / "downloaded.gz", age=-5)
    _file(folder / "pack" / "module.py", age=5)
    _file(folder / ".git" / "HEAD", age=5)
    _file(folder / "venv" / "pyvenv.cfg", age=5)
    (folder / "link").symlink_to(folder / "pack")
    os.utime(folder / "link", (BEGAN - 5, BEGAN - 5), follow_symlinks=False)
    (folder / "broken").symlink_to(folder / "missing")
    create_working_copy(folder, copy, began=BEGAN)
    names = {str(path.relative_to(copy)) for path in copy.rglob("*")}
    assert names == {
        "train.py", "notes.txt", "big.bin", "out", "data", "data/downloaded.gz", "pack",
        "pack/module.py", "venv", "link",
    }  # fmt: skip
    assert (copy / "big.bin").is_symlink()
    assert (copy / "venv").is_symlink()
    (copy / "notes.txt").write_text("changed")
    (copy / "out" / "last.pt").write_text("new")
    assert (folder / "notes.txt").read_bytes() == b"xxx"
    assert (folder / "out" / "last.pt").read_bytes() == b"xxx"


def test_a_copy_inside_of_the_folder_does_not_contain_itself(tmp_path: Path) -> None:
    _file(tmp_path / "train.py", age=5)
    copy = tmp_path / "tmp" / "copy"
    create_working_copy(tmp_path, copy, began=BEGAN)
    assert sorted(path.name for path in copy.iterdir()) == ["train.py"]
