"""A full disk, a read-only folder and a clock that jumps while a study is trained."""

import contextlib
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from limited_folders import mounted
from torture.studies import (
    STUDY,
    Outcome,
    assert_as_calm,
    database,
    finish,
    printed,
    start,
    until,
)

WORKERS = ("--devices", "cpu:2")


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    if not mounted(folder, "size=16m"):
        pytest.skip("a small file system needs the right to mount one")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_again_and_again(
    small_disk: Path, uninterrupted_results: Outcome
) -> None:
    chance = random.Random(1)
    filler = small_disk / "filler"
    stopped = 0
    for _ in range(8):
        filler.unlink(missing_ok=True)
        process = start(small_disk, "train", *STUDY, *WORKERS)
        until(lambda: database(small_disk))
        time.sleep(chance.uniform(0.5, 2.5))
        free = shutil.disk_usage(small_disk).free
        # The runs themselves may have filled the disk since it was measured.
        with contextlib.suppress(OSError):
            filler.write_bytes(b"x" * max(free - chance.randrange(200_000), 0))
        code = process.wait(timeout=120)
        assert code in (0, 1)
        stopped += code
        if code == 0:
            break
    assert stopped >= 2
    assert "no room left" in printed(small_disk)
    assert "Traceback" not in printed(small_disk)
    filler.unlink()
    finish(small_disk, *STUDY, *WORKERS)
    assert_as_calm(small_disk, uninterrupted_results)


def obeying() -> None:
    """In a child of root: permissions hold for it as they do for anybody (capabilities(7))."""
    import ctypes

    bounding_drop, override, read_search = 24, 1, 2
    libc = ctypes.CDLL(None)
    for capability in (override, read_search):
        libc.prctl(bounding_drop, capability, 0, 0, 0)


def test_a_folder_that_is_closed_in_mid_run(folder: Path, uninterrupted_results: Outcome) -> None:
    process = start(folder, "train", *STUDY, *WORKERS, before=obeying)
    until(lambda: list((folder / "runs.artifacts").glob("*/checkpoint-*.pt")))
    places = [folder, folder / "runs.artifacts", *(folder / "runs.artifacts").iterdir()]
    for place in places:
        place.chmod(0o555)
    assert process.wait(timeout=60) == 1
    assert "no permission to write" in printed(folder)
    assert "Traceback" not in printed(folder)
    for place in places:
        place.chmod(0o755)
    finish(folder, *STUDY, *WORKERS)
    assert_as_calm(folder, uninterrupted_results)


JUMPING = """
import time
from pathlib import Path

_time, _offset = time.time, Path(__file__).with_name("offset")

def jumped():
    try:
        return _time() + float(_offset.read_text() or 0)
    except OSError:
        return _time()

time.time = jumped
"""


def test_a_clock_that_jumps(folder: Path, uninterrupted_results: Outcome, tmp_path: Path) -> None:
    """Two commands on one study; the clock goes forward and back by hours, so leases lapse."""
    away = tmp_path / "clock"
    away.mkdir()
    (away / "sitecustomize.py").write_text(JUMPING)
    path = os.pathsep.join([str(away), os.environ.get("PYTHONPATH", "")])
    chance = random.Random(2)
    processes = [start(folder, "train", *STUDY, *WORKERS, PYTHONPATH=path)]
    until(lambda: database(folder))
    processes.append(start(folder, "train", *STUDY, *WORKERS, PYTHONPATH=path))
    while any(process.poll() is None for process in processes):
        beside = away / "next"
        beside.write_text(str(chance.choice([0, 90, 3600, 36_000, -90, -3600, -36_000])))
        beside.replace(away / "offset")
        time.sleep(chance.uniform(0.05, 0.4))
    assert "Traceback" not in printed(folder)
    finish(folder, *STUDY, *WORKERS)
    assert_as_calm(folder, uninterrupted_results)
