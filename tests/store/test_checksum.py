"""Checksums and digests: `db check` finds a changed point and a changed setting."""

import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from store.store_fixtures import StoreHarness, finish, make_harness

from nnlab import store
from nnlab.records import Curve, Epoch, Status
from nnlab.settings import digest_of
from nnlab.store.checksum import compute_curves_checksum
from nnlab.store.tables import trial

# By hand: SHA-256 over two lengths, the name, the epochs and the values, all big-endian.
BY_HAND = struct.pack(">QQ", 1, 2) + b"a" + struct.pack(">qqdd", 1, 2, 0.5, math.nan)


def checksum(harness: StoreHarness, run_id: int) -> str | None:
    return store.runs(harness.db, run_ids=[run_id])[0].points_checksum


def test_the_checksum_is_the_one_worked_out_by_hand() -> None:
    import hashlib

    expected = hashlib.sha256(BY_HAND).hexdigest()[:16]
    assert compute_curves_checksum({"a": [(1, 0.5), (2, None)]}) == expected
    assert compute_curves_checksum({"a": [(1, 0.5), (2, math.nan)]}) == expected


curves = st.dictionaries(
    st.text(max_size=5),
    st.dictionaries(st.integers(0, 2**31), st.one_of(st.none(), st.floats())),
    max_size=4,
)


@given(curves)
def test_the_checksum_does_not_depend_on_the_order(
    content: dict[str, dict[int, float | None]],
) -> None:
    ordered = {name: sorted(points.items()) for name, points in sorted(content.items())}
    mixed = {name: points[::-1] for name, points in reversed(ordered.items())}
    assert compute_curves_checksum(ordered) == compute_curves_checksum(mixed)


@pytest.mark.parametrize(
    "other",
    [
        {"a": [(1, 0.5)], "b": [(1, 0.25000000000000006)]},
        {"a": [(2, 0.5)], "b": [(1, 0.25)]},
        {"a": [(1, 0.5)], "c": [(1, 0.25)]},
        {"a": [(1, 0.5), (2, None)], "b": [(1, 0.25)]},
        {"a": [(1, math.inf)], "b": [(1, 0.25)]},
        {"a": [(1, 0.5)]},
        {},
    ],
)
def test_another_point_is_another_checksum(
    other: dict[str, list[tuple[int, float | None]]],
) -> None:
    assert compute_curves_checksum(other) != compute_curves_checksum(
        {"a": [(1, 0.5)], "b": [(1, 0.25)]}
    )


def test_a_run_has_a_checksum_once_it_has_ended(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    writer.write(Epoch(1, {"val/loss": 0.5, "train/loss": math.nan, "x": -0.0}, 0.1))
    assert checksum(harness, run_id) is None
    writer.write_single({"test/loss": 0.25}, 1)
    finish(writer)
    assert checksum(harness, run_id) == compute_curves_checksum(
        {"val/loss": [(1, 0.5)], "train/loss": [(1, None)], "x": [(1, 0.0)],
         "test/loss": [(1, 0.25)]}
    )  # fmt: skip
    assert store.find_problems(harness.db) == []


@pytest.mark.parametrize("status", [Status.DIVERGED, Status.INTERRUPTED, Status.FAILED])
def test_however_a_run_ends_it_has_a_checksum(harness: StoreHarness, status: Status) -> None:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    writer.write(Epoch(1, {"val/loss": 0.5}, 0.1))
    if status is Status.FAILED:
        store.release_run(harness.worker, writer._claim, status, reason="no")
    else:
        finish(writer, status)
    assert checksum(harness, run_id) == compute_curves_checksum({"val/loss": [(1, 0.5)]})
    assert store.find_problems(harness.db) == []


def test_a_resumed_run_has_the_checksum_of_one_that_was_never_interrupted(
    harness: StoreHarness,
) -> None:
    first, second = harness.queue(2)
    writer = harness.writer([first])
    for number, value in ((1, 0.5), (2, 0.9), (3, 0.9)):
        writer.write(Epoch(number, {"val/loss": value}, 0.1))
    finish(writer, Status.INTERRUPTED)
    writer = harness.writer([first], resume_after=1)
    assert checksum(harness, first) is None
    writer.write(Epoch(2, {"val/loss": 0.25}, 0.1))
    finish(writer)
    harness.train(second, 0.5, 0.25)
    assert checksum(harness, first) == checksum(harness, second) is not None
    assert store.find_problems(harness.db) == []


def test_imported_curves_are_in_the_checksum(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    harness.train(run_id, 0.5)
    store.import_curves(harness.db, run_id, [Curve("lr", (1, 2), (0.1, math.nan))])
    assert checksum(harness, run_id) == compute_curves_checksum(
        {"val/loss": [(1, 0.5)], "lr": [(1, 0.1), (2, None)]}
    )


def test_a_copy_has_the_same_checksums(harness: StoreHarness, tmp_path: Path) -> None:
    (run_id,) = harness.queue()
    harness.train(run_id, 0.1 + 0.2, math.nan, math.inf, 5e-324)
    copy = store.open_database(str(tmp_path / "copy.db"), write=True, create=True)
    store.copy_database(harness.db, copy, lambda *_: None)
    assert store.runs(copy)[0].points_checksum == checksum(harness, run_id) is not None
    assert store.find_problems(copy) == []
    copy.close()


@pytest.mark.parametrize(
    "change",
    [
        # The summary is changed with the points, so that the two agree.
        "UPDATE point SET value = 0.4 WHERE epoch = 1",
        "UPDATE point SET value = NULL WHERE epoch = 1",
        "UPDATE metric SET name = 'val/other' WHERE name = 'val/loss'",
    ],
)
def test_check_finds_points_that_were_changed(harness: StoreHarness, change: str) -> None:
    harness.train(*harness.queue(), 0.5, 0.25)
    with harness.db.write() as connection:
        connection.exec_driver_sql(change)
    assert store.find_problems(harness.db) == ["run 1: its points have changed since it ended"]


def test_a_run_of_an_earlier_version_cannot_be_compared(harness: StoreHarness) -> None:
    harness.train(*harness.queue(), 0.5, 0.25)
    with harness.db.write() as connection:
        connection.exec_driver_sql("UPDATE point SET value = 0.4 WHERE epoch = 1")
        connection.exec_driver_sql("UPDATE run SET points_checksum = NULL")
    assert store.find_problems(harness.db) == []


def test_check_finds_a_setting_that_was_changed(harness: StoreHarness) -> None:
    harness.queue(2)
    old, new = digest_of({"lr": 0.1, "opt": "sgd"}), digest_of({"lr": 0.3, "opt": "sgd"})
    with harness.db.write() as connection:
        connection.execute(
            update(trial).where(trial.c.id == 1).values(setting='{"lr":0.3,"opt":"sgd"}')
        )
    assert store.find_problems(harness.db) == [
        f"trial 1: its setting has changed: its digest is {old}, now {new}"
    ]


@pytest.mark.file
def test_check_finds_a_point_that_is_no_number(path: Path) -> None:
    harness = make_harness(path)
    harness.train(*harness.queue(), 0.5, 0.25)
    with harness.db.write() as connection:
        connection.exec_driver_sql("UPDATE point SET value = 'x' WHERE epoch = 1")
    assert "run 1: its points have changed since it ended" in store.find_problems(harness.db)
    harness.db.close()
