"""Where imported runs come from, and the states that an import stores of them."""

import json
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from sqlalchemy import select

from nnlab.records import Source, SourceNote
from nnlab.store.constructs import in_ids, upsert
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.row_validation import INTEGER, TEXT, ColumnTypes, decode_row, decode_rows
from nnlab.store.rows import timestamp
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text, to_json
from nnlab.store.tables import source

_COLUMNS = (
    "run_id", "kind", "external_id", "location", "imported_at", "position", "metric_names", "audit",
)  # fmt: skip
_SOURCE_TYPES = ColumnTypes(
    [
        ("run", INTEGER, False), ("kind", TEXT, False), ("external_id", TEXT, False),
        ("location", TEXT, False), ("imported_at", TEXT, False), ("position", TEXT, True),
        ("metric_names", TEXT, False), ("audit", TEXT, False),
    ]
)  # fmt: skip
_PUT_SOURCE = DriverStatement(
    lambda: upsert(source, key=("run_id",), columns=_COLUMNS, update=True)
)


def put_source(db: Database, item: Source) -> None:
    """Stores where a run comes from; it replaces what was stored for the run."""
    notes = [[note.code, replace_invalid_unicode(note.message), note.count] for note in item.notes]
    row = (
        item.run_id,
        item.kind,
        replace_invalid_unicode(item.external_id),
        replace_invalid_unicode(item.location),
        timestamp_to_text(item.imported_at),
        None if item.position is None else to_json(item.position),
        to_json(dict(item.metric_names)),
        to_json(notes),
    )
    with db.write() as connection:
        _PUT_SOURCE.execute_many(connection, [row])


def find_source(db: Database, kind: str, external_id: str) -> Source | None:
    """The source of the run with that id among the imported runs of a kind; None if there is none.

    Its run may have been removed.
    """
    with db.read() as connection:
        row = connection.execute(
            select(source).where(
                source.c.kind == kind,
                source.c.external_id == replace_invalid_unicode(external_id),
            )
        ).one_or_none()
    return None if row is None else decode_row("source", row, source_record)


def sources(db: Database, run_ids: Sequence[int]) -> dict[int, Source]:
    """The sources of those of the runs that were imported."""
    with db.read() as connection:
        rows = connection.execute(select(source).where(in_ids(source.c.run_id, run_ids))).all()
    return {item.run_id: item for item in decode_rows(db, "source", rows, source_record)}


def source_record(row: Any) -> Source:
    """The source of a row of the table.

    Raises:
        ValueError, TypeError: a value is not of its type.
    """
    _SOURCE_TYPES.check(tuple(row))
    position = None if row.position is None else json.loads(row.position)
    names = json.loads(row.metric_names)
    if not isinstance(position, dict | None) or not isinstance(names, dict):
        raise TypeError("its position or its names of metrics are not a JSON object")
    return Source(
        run_id=row.run_id,
        kind=row.kind,
        external_id=row.external_id,
        location=row.location,
        imported_at=timestamp(row.imported_at).astimezone(UTC),
        position=position,
        metric_names=names,
        notes=tuple(
            SourceNote(str(code), str(message), int(count))
            for code, message, count in json.loads(row.audit)
        ),
    )
