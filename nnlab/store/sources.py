"""Where imported runs come from, and the states that an import stores of them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update

from nnlab.records import Run, Scalar, Source, SourceNote, Status
from nnlab.store.constructs import in_ids, upsert
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.external_runs import add_results, get_or_create_trial, move_run
from nnlab.store.rows import timestamp
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text, to_json
from nnlab.store.tables import run as run_table
from nnlab.store.tables import source, trial

_COLUMNS = (
    "run_id", "kind", "external_id", "location", "imported_at", "position", "metric_names", "audit",
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
    return None if row is None else _source_record(row)


def sources(db: Database, run_ids: Sequence[int]) -> dict[int, Source]:
    """The sources of those of the runs that were imported."""
    with db.read() as connection:
        rows = connection.execute(select(source).where(in_ids(source.c.run_id, run_ids))).all()
    return {row.run_id: _source_record(row) for row in rows}


def update_imported_run(
    db: Database,
    run: Run,
    *,
    setting: dict[str, Scalar],
    nested_setting: dict[str, Any] | None,
    status: Status,
    reason: str | None = None,
    selected_epoch: int | None = None,
    started_at: datetime | None = None,
    ended_at: datetime | None = None,
    results: dict[str, Scalar] | None = None,
) -> None:
    """Stores what a log says about an imported run besides its samples."""
    with db.write() as connection:
        study_id = connection.execute(
            select(trial.c.study_id).where(trial.c.id == run.trial.id)
        ).scalar_one()
        trial_id = get_or_create_trial(connection, study_id, setting, nested_setting)
        if trial_id != run.trial.id:
            move_run(connection, run.id, trial_id)
        seconds = None
        if started_at is not None and ended_at is not None:
            seconds = max(0.0, (ended_at - started_at).total_seconds())
        connection.execute(
            update(run_table)
            .where(run_table.c.id == run.id)
            .values(
                status=str(status),
                reason=None if reason is None else replace_invalid_unicode(reason),
                selected_epoch=selected_epoch,
                started_at=None if started_at is None else timestamp_to_text(started_at),
                ended_at=None if ended_at is None else timestamp_to_text(ended_at),
                wall_seconds=seconds,
            )
        )
        if results:
            add_results(connection, run.id, results)


def _source_record(row: Any) -> Source:
    position = None if row.position is None else json.loads(row.position)
    return Source(
        run_id=row.run_id,
        kind=row.kind,
        external_id=row.external_id,
        location=row.location,
        imported_at=timestamp(row.imported_at).astimezone(UTC),
        position=position,
        metric_names=json.loads(row.metric_names),
        notes=tuple(
            SourceNote(code, message, count) for code, message, count in json.loads(row.audit)
        ),
    )
