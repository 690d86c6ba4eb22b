"""Copies between a file and a server are complete, or are not made."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from store.store_fixtures import StoreHarness, finish, make_harness

from nnlab import store
from nnlab.errors import StoreError, UsageError
from nnlab.records import (
    Artifact,
    Curve,
    Finding,
    Objective,
    Origin,
    Sample,
    Severity,
    Source,
    Status,
)
from nnlab.store import transfer
from nnlab.store.schema import TABLES
from nnlab.store.transfer import copy_database

OVERFITTING = Finding(
    "NN101", "overfitting", Severity.WARNING, 0.9, 2, "it does", "stop", {"slope": float("inf")}
)


@pytest.fixture
def empty(request: pytest.FixtureRequest) -> Iterator[Callable[[str], store.Database]]:
    """Makes databases without rows: in a file, or on a server."""
    created: list[store.Database] = []

    def make(kept_in: str) -> store.Database:
        if kept_in == "file":
            place = str(request.getfixturevalue("tmp_path") / f"target-{len(created)}.db")
        else:
            place = request.getfixturevalue("other_server_url")
        created.append(store.open_database(place, write=True, create=True))
        return created[-1]

    yield make
    for database in created:
        database.close()


@pytest.fixture
def other_server_url(postgres: str) -> Iterator[str]:
    import postgres_server

    url = next(postgres_server.schemas(postgres))
    yield url
    postgres_server.drop(url)


def fill(harness: StoreHarness) -> None:
    """Something in every table, with NULLs, a NaN and an infinity."""
    first, second, third, fourth = harness.queue(2, (0, 2**40))
    harness.train(first, 0.5, float("nan"), 0.25)
    harness.train(second, float("inf"), 0.1, metric="val/accuracy")
    writer = harness.writer([third])
    writer.finish(
        Status.INTERRUPTED,
        selected_epoch=None,
        reason="lights out, „aus“",
        wall_seconds=0.1,
        device_seconds=0.0,
        findings=[OVERFITTING],
        artifacts=[Artifact(third, "model", "3/model.pt", "ab", 2**33)],
        peak_bytes=2**35,
    )
    finish(harness.writer([fourth]))
    spec = store.ExternalRunSpec("lm", {"lr": 1}, Origin.IMPORTED, nested_setting={"lr": 1})
    fifth = store.create_external_run(harness.db, spec)
    store.SampleWriter(harness.db, fifth.id).log(
        [Sample("val/loss", math.nan, step=2**40, time=0.5), Sample("lr", 0.1, epoch=0.5)]
    )
    store.register_baseline(harness.db, harness.study.id, 1, Objective("val/loss", "min"))
    entry = store.register_candidate(
        harness.db, harness.study.id, baseline_trial=1, candidate_trial=2, min_effect=0.0,
        objective=Objective("val/loss", "min"), max_seeds=10, next_level=lambda _: 0.01,
    )  # fmt: skip
    store.put_gate_result(
        harness.db, entry.id, verdict="keep", p=0.001, effect=0.5, low=-math.inf, high=0.75,
        seeds=(0, 2**40), expected_left=0.0, reason="„besser“",
    )  # fmt: skip
    now = datetime.now(UTC)
    store.put_source(harness.db, Source(fifth.id, "csv", "a", "/a", now, {"offset": 1}, {}))
    store.remove(harness.db, study_ids=[], run_ids=[fourth])
    store.import_curves(harness.db, first, [Curve("a", tuple(range(1, 60)), (0.5,) * 59)])


def silent(*_: object) -> None:
    """Hears how far the copy is."""


def dumped(db: store.Database) -> list[object]:
    runs = store.runs(db)
    numbers = [run.id for run in (*runs, *store.runs(db, removed=True))]
    return [
        store.study_overviews(db),
        runs,
        store.runs(db, removed=True),
        str(store.histories(db, numbers)),  # as text: NaN is not equal to itself
        str(store.summaries(db, numbers)),
        store.findings(db, numbers),
        store.attempts_of_runs(db, numbers),
        [store.artifacts(db, number) for number in numbers],
        str([store.samples(db, number) for number in numbers]),
        store.sources(db, numbers),
    ]


@pytest.mark.parametrize("target", ["file", "server"])
def test_every_row_arrives_as_it_was(
    harness: StoreHarness,
    target: str,
    empty: Callable[[str], store.Database],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transfer, "CHUNK_ROWS", 7)
    fill(harness)
    other = empty(target)
    messages: list[tuple[str, str, int, int]] = []
    copied = copy_database(harness.db, other, lambda *words: messages.append(words))
    assert copied.rows_before == 0
    assert (
        copied.row_counts
        == store.database_status(other).row_counts
        == store.database_status(harness.db).row_counts
    )
    assert all(copied.row_counts[table] for table in TABLES)
    assert ("checking", "point", 66, 66) in messages
    assert dumped(other) == dumped(harness.db)
    (problem,) = store.find_problems(other)
    assert problem.startswith("run 3: its model")  # files are not copied
    # New rows take new numbers, and the study goes on.
    copy = StoreHarness(other, store.find_study(other, "depth"), other)
    assert copy.queue(3)[-1] == 6
    copy.train(6, 0.3)
    assert copy.curve(6) == {1: 0.3}


def test_a_copy_that_was_broken_off_goes_on(
    harness: StoreHarness, empty: Callable[[str], store.Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "CHUNK_ROWS", 7)
    fill(harness)
    other = empty("file")

    def lights_out(what: str, table: str, done: int, total: int) -> None:
        if (what, table) == ("copying", "point") and done > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_database(harness.db, other, lights_out)
    there = sum(store.database_status(other).row_counts.values())
    copied = copy_database(harness.db, other, silent)
    assert 20 < there == copied.rows_before
    assert dumped(other) == dumped(harness.db)
    # Once more, it finds nothing to do.
    assert copy_database(harness.db, other, silent).rows_before == sum(copied.row_counts.values())


def test_other_results_are_left_as_they_are(harness: StoreHarness, tmp_path: Path) -> None:
    fill(harness)
    other = make_harness(tmp_path / "other.db")
    other.queue(7)
    before = dumped(other.db)
    with pytest.raises(UsageError, match="holds other results"):
        copy_database(harness.db, other.db, silent)
    assert dumped(other.db) == before
    other.db.close()


def test_more_than_the_source_has_is_other_results_too(
    harness: StoreHarness, empty: Callable[[str], store.Database]
) -> None:
    fill(harness)
    other = empty("file")
    copy_database(harness.db, other, silent)
    StoreHarness(other, store.find_study(other, "depth"), other).queue(4)
    with pytest.raises(UsageError, match="trial 4 is not that of the source"):
        copy_database(harness.db, other, silent)


def test_a_row_that_another_program_changes_meanwhile_is_found(
    harness: StoreHarness, empty: Callable[[str], store.Database]
) -> None:
    fill(harness)
    other = empty("file")

    def meddle(what: str, table: str, *_: int) -> None:
        if (what, table) == ("copying", "artifact"):
            with other.write() as connection:
                connection.exec_driver_sql("UPDATE run SET epochs = 77 WHERE id = 2")

    with pytest.raises(StoreError, match="differs from the source: run 2"):
        copy_database(harness.db, other, meddle)


def test_a_database_is_not_copied_onto_itself(harness: StoreHarness) -> None:
    with pytest.raises(UsageError, match="onto itself"):
        copy_database(harness.db, harness.db, silent)
