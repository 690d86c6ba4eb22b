"""PostgreSQL only: schemas, partitions, locks, lost connections."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import postgres_server
import pytest
from sqlalchemy.engine import make_url
from store.store_fixtures import ENVIRONMENT, StoreHarness, make_harness

from nnlab import store
from nnlab.errors import (
    ConnectionLost,
    DatabaseLocked,
    NewerSchema,
    NoDatabase,
    StoreError,
    UpgradeFailed,
    UsageError,
)
from nnlab.records import Curve, Epoch, Status
from nnlab.store.postgres import database
from nnlab.store.postgres.database import ServerDatabase
from nnlab.store.schema import HEAD, REVISIONS, Migrations, shipped_migrations_folder

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def served(server_url: str) -> Iterator[StoreHarness]:
    new_harness = make_harness(server_url)
    yield new_harness
    new_harness.db.close()


def tables(harness: StoreHarness, schema: str | None = None) -> set[str]:
    with harness.db.read() as connection:
        return set(
            connection.exec_driver_sql(
                "SELECT tablename FROM pg_tables WHERE schemaname = coalesce(%s, current_schema())",
                (schema,),
            ).scalars()
        )


OPEN = """
import sys
from nnlab import store
print("ready", flush=True)
sys.stdin.readline()
store.open_database(sys.argv[1], write=True, create=True).close()
"""


def test_processes_that_come_first_at_once_make_one_schema(server_url: str, python: Start) -> None:
    processes = [python(OPEN, server_url) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    assert [process.communicate("\n", timeout=60) for process in processes] == [("", "")] * 4
    db = store.open_database(server_url, write=False)
    assert store.database_status(db).revision == HEAD
    db.close()


def test_without_create_nothing_is_made(server_url: str) -> None:
    for write in (True, False):
        with pytest.raises(NoDatabase, match="holds no results of nnlab"):
            store.open_database(server_url, write=write)


def test_it_shares_a_database_with_other_programs(served: StoreHarness, postgres: str) -> None:
    other = make_harness(next(postgres_server.schemas(postgres)))
    assert other.queue() == served.queue() == (1,)
    served.train(1, 0.5)
    assert other.status(1) is Status.QUEUED
    assert "nnlab_version" in tables(served)
    assert not tables(served, "public")
    other.db.close()
    postgres_server.drop(other.db.address.target)


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(ConnectionLost) as caught:
        store.open_database("postgresql://ann:hunter2@127.0.0.1:9/lab", write=False)
    assert "postgresql://ann@127.0.0.1:9/lab cannot be reached" in caught.value.message
    assert "hunter2" not in str(caught.value)


def test_a_database_that_is_not_there_is_named(postgres: str) -> None:
    with pytest.raises(NoDatabase, match="nowhere"):
        store.open_database(_in(postgres, "nowhere"), write=True, create=True)


def test_who_may_not_make_a_schema_is_told_so(postgres: str, server_url: str) -> None:
    db = ServerDatabase(*_address(postgres), writes=True)
    with db.write() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS reader")
        connection.exec_driver_sql("CREATE ROLE reader LOGIN")
    db.close()
    as_reader = make_url(server_url).set(username="reader").render_as_string()
    with pytest.raises(StoreError, match="may not be written by this user: permission denied"):
        store.open_database(as_reader, write=True, create=True)


def _in(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _address(url: str) -> tuple[store.ServerAddress]:
    from nnlab.store.address import parse_address

    address = parse_address(url)
    assert isinstance(address, store.ServerAddress)
    return (address,)


def next_revision(folder: Path, more: str = "") -> Migrations:
    import shutil

    shutil.copytree(
        shipped_migrations_folder(), folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    (folder / "versions" / "9999_next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision = '9999'\ndown_revision = '{HEAD}'\n\n\n"
        "def upgrade():\n"
        "    op.add_column('run', sa.Column('mood', sa.Text(), nullable=True))\n"
        f"    {more}\n"
    )
    return Migrations(folder, (*REVISIONS, "9999"))


def test_an_older_schema_is_upgraded_and_a_newer_one_only_read(
    served: StoreHarness, tmp_path: Path
) -> None:
    served.train(*served.queue(), 0.5)
    url = served.db.address.target
    db = store.open_database(url, write=False, migrations=next_revision(tmp_path / "next"))
    assert store.database_status(db).revision == "9999"
    db.close()
    with pytest.raises(NewerSchema, match="revision 9999"):
        store.open_database(url, write=True)
    db = store.open_database(url, write=False)
    assert db.newer
    assert len(store.runs(db)) == 1
    db.close()


def test_an_upgrade_that_fails_leaves_all_as_it_was(served: StoreHarness, tmp_path: Path) -> None:
    broken = next_revision(tmp_path / "next", "raise RuntimeError('lights out')")
    with pytest.raises(UpgradeFailed, match="is unchanged: lights out"):
        store.open_database(served.db.address.target, write=True, migrations=broken)
    assert store.database_status(served.db).revision == HEAD
    assert served.queue() == (1,)


def test_points_lie_in_parts_by_their_runs(
    served: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "RUNS_PER_PARTITION", 4)
    assert {"point_0"} == {name for name in tables(served) if name.startswith("point_")}
    # The first part was made as large as they are by default.
    with served.db.write() as connection:
        connection.exec_driver_sql("DROP TABLE point_0")
        served.db.prepare_partitions(connection, 0)
    run_ids = served.queue(10)
    assert {f"point_{n}" for n in range(3)} < tables(served)
    for run_id in run_ids:
        served.train(run_id, 1.0, 1 / run_id)
    assert [served.curve(run_id)[2] for run_id in run_ids] == [1 / n for n in run_ids]
    with served.db.read() as connection:
        (count,) = connection.exec_driver_sql("SELECT count(*) FROM point_1").one()
    assert count == 2 * 4
    assert store.find_problems(served.db) == []


def test_epochs_of_two_runs_are_stored_beside_each_other(served: StoreHarness) -> None:
    first, second = served.queue(2)
    result, other = served.writer([first]), served.writer([second])
    with served.db.write(exclusive=False):
        thread = threading.Thread(target=result.write, args=(Epoch(1, {"val/loss": 0.5}, 0.1),))
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
    other.write(Epoch(1, {"val/loss": 0.5}, 0.1))
    assert served.curve(first) == served.curve(second) == {1: 0.5}


def test_one_that_is_alone_keeps_all_others_out(served: StoreHarness) -> None:
    served.queue()
    other = store.open_database(served.db.address.target, write=True, busy_seconds=0.1)
    with served.db.write(), pytest.raises(DatabaseLocked, match="another process"):
        store.claim(other, ENVIRONMENT, run_ids=[1], pid=1, command="", hostname="h")
    assert store.claim(other, ENVIRONMENT, run_ids=[1], pid=1, command="", hostname="h")
    other.close()


def test_a_reader_never_waits_and_sees_one_moment(served: StoreHarness) -> None:
    served.queue()
    with served.db.read() as connection:
        count = "SELECT count(*) FROM run"
        before = connection.exec_driver_sql(count).scalar_one()
        store.enqueue(served.db, served.study, served.plans(5))
        assert connection.exec_driver_sql(count).scalar_one() == before
    assert len(store.runs(served.db)) == 5


def test_curves_are_imported_in_bulk(served: StoreHarness) -> None:
    (run_id,) = served.queue()
    values = (0.1, float("nan"), float("inf"), -0.0, 5e-324)
    store.import_curves(served.db, run_id, [Curve("val/loss", (1, 2, 3, 4, 9), values)])
    curve = store.history(served.db, run_id)["val/loss"].values
    assert str(curve) == str(values)
    with pytest.raises(UsageError, match="already"):
        store.import_curves(served.db, run_id, [Curve("val/loss", (1,), (0.1,))])


def test_a_connection_that_the_server_closed_is_replaced(served: StoreHarness) -> None:
    (run_id,) = served.queue()
    writer = served.writer([run_id])
    with served.db.write() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
            " current_database() AND pid <> pg_backend_pid()"
        )
    other = store.open_database(served.db.address.target, write=True)
    with other.write() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ="
            " 'nnlab' AND pid <> pg_backend_pid()"
        )
    other.close()
    writer.write(Epoch(1, {"val/loss": 0.5}, 0.1))
    assert served.curve(run_id) == {1: 0.5}


def test_a_server_that_goes_in_mid_transaction_is_told() -> None:
    if why := postgres_server.why_not() or postgres_server.why_none_of_our_own():
        pytest.skip(why)
    with postgres_server.server() as server:
        harness = make_harness(server.url)
        (run_id,) = harness.queue()
        writer = harness.writer([run_id])
        with pytest.raises(ConnectionLost, match="cannot be reached"), harness.db.write():  # noqa: PT012
            server.stop("immediate")
            writer.write(Epoch(1, {"val/loss": 0.5}, 0.1))
        started = time.perf_counter()
        with pytest.raises(ConnectionLost):
            writer.write(Epoch(1, {"val/loss": 0.5}, 0.1))
        assert time.perf_counter() - started < 5
        server.start()
        writer.write(Epoch(1, {"val/loss": 0.5}, 0.1))
        assert harness.curve(run_id) == {1: 0.5}
        harness.db.close()


def test_a_run_is_claimed_by_one_of_many_that_hurry(served: StoreHarness, python: Start) -> None:
    """What a claim looks at may change between its snapshot and its lock."""
    run_ids = served.queue(300)
    processes = [python(CLAIM, served.db.address.target) for _ in range(6)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [errors for _, errors in answers] == [""] * 6
    taken = [int(number) for answer, _ in answers for number in answer.split()]
    assert sorted(taken) == sorted(run_ids)
    assert len(store.attempts_of_runs(served.db, run_ids)) == len(run_ids)


CLAIM = """
import os, socket, sys
from nnlab import store
db = store.open_database(sys.argv[1], write=True)
ids = list(range(1, 301))
print("ready", flush=True)
sys.stdin.readline()
while claim := store.claim(
    db, run_ids=ids, pid=os.getpid(), command="", hostname=socket.gethostname()
):
    print(claim.run.id)
db.close()
"""
