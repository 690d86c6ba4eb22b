"""The cache reads each row once, and notices when rows changed."""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from board.curve_fixtures import add_curve, add_external_run, add_runs, add_study, append_points

from nnlab import store
from nnlab.board.curve_cache import CachedCurve, CurveCache, CurveRequest
from nnlab.board.curve_files import trim_folder
from nnlab.records import Sample

LONG = [math.sin(i / 300) for i in range(10_000)]


@pytest.fixture(params=["file", "server"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[store.Database]:
    is_file = request.param == "file"
    location = str(tmp_path / "runs.db") if is_file else request.getfixturevalue("server_url")
    database = store.open_database(location, write=True, create=True)
    yield database
    database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def request_of(db: store.Database, run_id: int, metric: str = "val/loss") -> CurveRequest:
    return CurveRequest(
        store.curve_runs(db, [run_id])[run_id],
        metric,
        store.curve_versions(db, [run_id], [metric])[run_id, metric],
        store.latest_attempts(db, [run_id]).get(run_id, 0),
    )


def read(cache: CurveCache, db: store.Database, run_id: int) -> CachedCurve:
    curve = cache.curve(request_of(db, run_id), time.monotonic() + 60)
    assert curve is not None
    return curve


def without_reading(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The first positions of the reads from now on."""
    reads: list[int] = []
    original = store.curve_rows

    def counted(*args: object, **options: object) -> store.CurveRows:
        reads.append(options.get("first", 0))  # type: ignore[arg-type]
        return original(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "curve_rows", counted)
    return reads


def test_appended_points_are_read_from_the_last_bucket_on(
    db: store.Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = add_runs(db, add_study(db), 0.1, [0])
    add_curve(db, run_id, LONG)
    cache = CurveCache(db, folder)
    before = read(cache, db, run_id)
    assert before.buckets.size == 64
    reads = without_reading(monkeypatch)
    assert read(cache, db, run_id) is before
    assert not reads
    append_points(db, run_id, [5.0, math.nan, 7.0])
    after = read(cache, db, run_id)
    assert reads == [10_000 // 64 * 64 + 1]
    assert after.serial == before.serial
    assert after.buckets.total_count == 10_003
    assert after.buckets["high"][-1] == 7.0
    assert after.buckets["finite"].sum() == 10_002


def test_a_long_curve_comes_from_its_file_in_another_process(
    db: store.Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = add_runs(db, add_study(db), 0.1, [0])
    add_curve(db, run_id, LONG)
    first = read(CurveCache(db, folder), db, run_id)
    reads = without_reading(monkeypatch)
    second = read(CurveCache(db, folder), db, run_id)
    assert not reads
    assert second.buckets["total"].tolist() == first.buckets["total"].tolist()


@pytest.mark.parametrize("content", [b"", b"PK\3\4 not a file of numpy", b"\0" * 5000])
def test_a_corrupt_file_is_ignored(db: store.Database, folder: Path, content: bytes) -> None:
    (run_id,) = add_runs(db, add_study(db), 0.1, [0])
    add_curve(db, run_id, LONG)
    read(CurveCache(db, folder), db, run_id)
    (file,) = folder.iterdir()
    file.write_bytes(content or file.read_bytes()[:2000])
    assert read(CurveCache(db, folder), db, run_id).buckets.total_count == 10_000


def test_removed_and_changed_points_are_noticed(db: store.Database, folder: Path) -> None:
    (run_id,) = add_runs(db, add_study(db), 0.1, [0])
    add_curve(db, run_id, [1.0, 2.0, 3.0, 4.0])
    cache = CurveCache(db, folder)
    before = read(cache, db, run_id)
    with db.write() as connection:
        connection.exec_driver_sql("DELETE FROM point WHERE epoch = 4")
        connection.exec_driver_sql("UPDATE point SET value = 9 WHERE epoch = 2")
        connection.exec_driver_sql("UPDATE summary SET n = 3, last_epoch = 3")
    after = read(cache, db, run_id)
    assert after.serial != before.serial
    assert after.buckets["first"].tolist() == [1.0, 9.0, 3.0]


def test_reading_ends_at_the_deadline(db: store.Database, folder: Path) -> None:
    (run_id,) = add_runs(db, add_study(db), 0.1, [0])
    add_curve(db, run_id, [1.0])
    cache = CurveCache(db, folder)
    assert cache.curve(request_of(db, run_id), time.monotonic() - 1) is None
    assert read(cache, db, run_id).buckets.total_count == 1


def test_samples_after_a_step_back_replace_earlier_ones(db: store.Database, folder: Path) -> None:
    first = [[Sample("val/loss", float(step), step, None, None)] for step in range(5)]
    run_id = add_external_run(db, first)
    cache = CurveCache(db, folder)
    assert read(cache, db, run_id).buckets["first"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    store.SampleWriter(db, run_id).log([Sample("val/loss", 30.0, 3, None, None)])
    after = read(cache, db, run_id)
    assert after.from_samples
    assert after.buckets["first"].tolist() == [0.0, 1.0, 2.0, 30.0]


def test_the_folder_has_a_limited_size(tmp_path: Path) -> None:
    for number in range(5):
        file = tmp_path / f"{number}.npz"
        file.write_bytes(b"x" * 100)
        file.touch()
        time.sleep(0.01)
    (tmp_path / "other.txt").write_bytes(b"x" * 1000)
    trim_folder(tmp_path, 250)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["3.npz", "4.npz", "other.txt"]
