"""Migrations create the declared tables; the known revisions are those of the migrations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, create_engine, insert, inspect, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from store.store_fixtures import StoreHarness

from nnlab.records import Severity, Status
from nnlab.store.address import ServerAddress
from nnlab.store.schema import (
    HEAD,
    REVISIONS,
    TABLES,
    VERSION_TABLE,
    alembic_config,
    shipped_migrations_folder,
)
from nnlab.store.tables import metadata


def test_known_revisions_are_the_migrations_in_their_order() -> None:
    script = ScriptDirectory.from_config(alembic_config(shipped_migrations_folder()))
    walked = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(walked)) == REVISIONS
    assert script.get_current_head() == HEAD


def test_the_names_of_the_tables_are_those_of_the_tables() -> None:
    assert set(TABLES) == set(metadata.tables)


# What a server makes of a type, where it calls it otherwise.
KINDS = {"FLOAT": "DOUBLE PRECISION"}


@contextmanager
def inspected(harness: StoreHarness) -> Iterator[Connection]:
    """A connection that gives values as SQLAlchemy expects them, not as the store does."""
    address = harness.db.address
    if not isinstance(address, ServerAddress):
        with harness.db.read() as connection:
            yield connection
        return
    options = {**address.options, "options": f"-c search_path={address.schema}"}
    engine = create_engine("postgresql+psycopg://", connect_args=options)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def test_alembic_finds_no_difference(harness: StoreHarness) -> None:
    with inspected(harness) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                # The parts of a table on a server are made as runs are queued.
                "include_object": lambda _, name, *__: not name.startswith("point_0"),
            },
        )
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("table", list(metadata.tables))
def test_every_column_index_and_check_is_as_declared(harness: StoreHarness, table: str) -> None:
    declared = metadata.tables[table]
    with inspected(harness) as connection:
        inspector = inspect(connection)
        columns: Any = {column["name"]: column for column in inspector.get_columns(table)}
        dialect = connection.dialect
        assert list(columns) == [column.name for column in declared.columns]
        for column in declared.columns:
            result = columns[column.name]
            assert result["nullable"] == column.nullable
            kind = column.type.compile(dialect)
            if dialect.name == "postgresql":
                kind = KINDS.get(kind, kind)
            assert result["type"].compile(dialect) == kind
        keys = inspector.get_pk_constraint(table)["constrained_columns"]
        assert keys == [column.name for column in declared.primary_key]
        assert {
            tuple(index["column_names"])
            for index in inspector.get_indexes(table)
            if "duplicates_constraint" not in index
        } == {tuple(column.name for column in index.columns) for index in declared.indexes}
        checks = {
            check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table)
        }
        expected = {
            str(check.name): str(check.sqltext)
            for check in declared.constraints
            if isinstance(check, CheckConstraint)
        }
        # A server keeps a check as what it understood, not as it was written.
        assert checks == expected or (
            dialect.name == "postgresql" and checks.keys() == expected.keys()
        )
        assert {
            (tuple(key["constrained_columns"]), key["referred_table"])
            for key in inspector.get_foreign_keys(table)
        } == {((key.parent.name,), key.column.table.name) for key in declared.foreign_keys}


@pytest.mark.file
@pytest.mark.parametrize("table", ["point", "summary"])
def test_measurements_are_clustered_by_their_key(harness: StoreHarness, table: str) -> None:
    with harness.db.read() as connection:
        sql = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE name = ?", (table,)
        ).scalar_one()
    assert "WITHOUT ROWID" in sql


def test_every_status_and_severity_can_be_stored_and_nothing_else(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    with harness.db.write() as connection:
        for status in Status:
            connection.execute(update(metadata.tables["run"]).values(status=str(status)))
        for severity in Severity:
            connection.execute(
                insert(metadata.tables["finding"]).values(
                    run_id=run_id,
                    code=str(severity),
                    name="",
                    severity=str(severity),
                    confidence=1,
                    message="",
                    remedy="",
                    evidence="{}",
                    created_at="2026-05-20T12:00:00+00:00",
                )
            )
    for wrong in (
        "UPDATE run SET status = 'bored'",
        "UPDATE run SET epochs = -1",
        "UPDATE finding SET severity = 'grave'",
        "UPDATE finding SET confidence = 1.5",
        "INSERT INTO point VALUES (1, 99, 1, 0.5)",
    ):
        with pytest.raises(IntegrityError), harness.db.write() as connection:
            connection.exec_driver_sql(wrong)


@pytest.mark.file
def test_settings_and_times_can_be_read_with_sql_alone(harness: StoreHarness) -> None:
    harness.queue(2)
    with harness.db.read() as connection:
        rates = connection.exec_driver_sql("SELECT setting ->> '$.lr' FROM trial").scalars().all()
        age = (
            connection.exec_driver_sql("SELECT julianday('now') - julianday(created_at) FROM run")
            .scalars()
            .first()
        )
    assert rates == [0.1, 0.2]
    assert age is not None
    assert 0 <= age < 0.01
