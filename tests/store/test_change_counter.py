"""The change counter grows after each commit of another connection, and only then."""

from pathlib import Path

import pytest
from store.store_fixtures import StoreHarness, make_harness

from nnlab import store
from nnlab.errors import ReadTimeLimit


@pytest.mark.parametrize("location", ["path", "server_url"])
def test_a_commit_is_counted(location: str, request: pytest.FixtureRequest) -> None:
    place = request.getfixturevalue(location)
    harness: StoreHarness = make_harness(place)
    reader = store.open_database(str(place), write=False)
    counter = store.ChangeCounter(reader)
    first = counter.poll()
    assert counter.poll() == first
    store.all_studies(harness.db)
    assert counter.poll() == first
    (run_id,) = harness.queue()
    after_queueing = counter.poll()
    assert after_queueing > first
    store.change_tags(harness.db, [run_id], add=["a"])
    assert counter.poll() > after_queueing
    counter.close()
    harness.db.close()
    reader.close()


def test_a_file_that_was_removed_and_replaced_is_noticed(path: Path) -> None:
    make_harness(path).db.close()
    reader = store.open_database(str(path), write=False)
    counter = store.ChangeCounter(reader)
    counts = [counter.poll()]
    for file in path.parent.glob("runs.db*"):
        if file.is_file():
            file.unlink()
    counts.append(counter.poll())
    new = make_harness(path)
    new.queue()
    counts.append(counter.poll())
    assert counts[0] < counts[1] < counts[2]
    assert len(store.runs(reader)) == 1
    new.db.close()
    counter.close()
    reader.close()


@pytest.mark.parametrize("location", ["path", "server_url"])
def test_a_slow_query_is_interrupted(location: str, request: pytest.FixtureRequest) -> None:
    place = request.getfixturevalue(location)
    harness: StoreHarness = make_harness(place)
    slow = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000)"
        " SELECT max(i) FROM n"
    )
    with (
        pytest.raises(ReadTimeLimit),
        harness.db.limit_read_time(0.2),
        harness.db.read() as connection,
    ):
        connection.exec_driver_sql(slow)
    with harness.db.read() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    with pytest.raises(ReadTimeLimit), harness.db.limit_read_time(0.0), harness.db.read():
        pass
    harness.db.close()
