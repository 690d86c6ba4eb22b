"""Logs of earlier runs in the log folder of a script."""

import os
from pathlib import Path

from nnlab.exchange.log_reader import LoggedRun
from nnlab.workers.earlier_logs import EarlierLogs

OLD = "step,loss\n0,1.0\n1,0.5\n"


def _log(*paths: Path) -> LoggedRun:
    return LoggedRun("csv", "x", "x", paths)


def _write(path: Path, text: str, *, mode: str = "w") -> None:
    with path.open(mode) as file:
        file.write(text)
    later = path.stat().st_mtime_ns + 1_000_000
    os.utime(path, ns=(later, later))


def test_files_that_are_written_anew_are_new(tmp_path: Path) -> None:
    for text in ("", "step,loss\n", OLD, OLD.replace("0.5", "0.6"), OLD.replace("0.5", "0.6") * 9):
        path = tmp_path / "log.csv"
        _write(path, OLD)
        earlier = EarlierLogs([_log(path)])
        assert earlier.new_part(_log(path)) is None
        _write(path, text)
        assert earlier.new_part(_log(path)) == _log(path)
        _write(path, "2,0.1\n", mode="a")
        assert earlier.new_part(_log(path)) == _log(path)


def test_files_that_only_grow_belong_to_another_run(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    _write(path, OLD)
    earlier = EarlierLogs([_log(path)])
    _write(path, "2,0.1\n", mode="a")
    assert earlier.new_part(_log(path)) is None
    replacement = tmp_path / "new"
    _write(replacement, OLD)
    replacement.replace(path)
    assert earlier.new_part(_log(path)) == _log(path)


def test_of_a_log_of_several_files_only_the_new_ones_are_read(tmp_path: Path) -> None:
    first, second = tmp_path / "events.1", tmp_path / "events.2"
    _write(first, OLD)
    earlier = EarlierLogs([_log(first)])
    _write(second, OLD)
    assert earlier.new_part(_log(first, second)) == _log(second)
    first.unlink()
    assert earlier.new_part(_log(first)) is None
