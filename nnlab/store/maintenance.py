"""Looks after a database: what is in it, whether it is sound, a copy of it."""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection

from nnlab.config import digest_of
from nnlab.errors import NotADatabase, OutputError
from nnlab.io.folders import Folder
from nnlab.store.artifact_folders import artifacts_folder
from nnlab.store.checksum import compute_curves_checksum, read_stored_curves
from nnlab.store.database import Database
from nnlab.store.file_copy import copy_to_file
from nnlab.store.garbage import total_size
from nnlab.store.measurements import artifacts, attempts_of_runs, findings, summaries
from nnlab.store.queries import all_studies, runs, trials
from nnlab.store.row_validation import DECODE_ERRORS
from nnlab.store.schema import TABLES
from nnlab.store.sqlite import FileDatabase


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """Where a database is, its revision, its sizes in bytes, and the rows of each table."""

    place: str
    revision: str
    size: int
    log_size: int | None
    artifacts_size: int
    rows: Mapping[str, int]


def database_status(db: Database) -> DatabaseStatus:
    """What a database holds."""
    log_size = db.log_size() if isinstance(db, FileDatabase) else None
    with db.read() as connection:
        revision = db.revision(connection)
        rows = {
            table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608
            for table in TABLES
        }
    return DatabaseStatus(
        place=db.address.shown,
        revision=revision or "",
        size=db.size() - (log_size or 0),
        log_size=log_size,
        artifacts_size=total_size([db.address.artifacts]),
        rows=rows,
    )


def backup_database(db: Database, destination: Path) -> None:
    """Copies the database to a new file, consistent even while runs are written.

    Raises:
        OutputError: the file is there already or cannot be written.
        DiskFull: no room for it.
        StoreError: the database cannot be read.
    """
    copy_to_file(db, destination)


def find_problems(db: Database) -> list[str]:
    """All that is wrong with a database, a line each; empty where it is sound.

    A run whose worker died is no fault of the database: it is read as interrupted and waits.
    """
    try:
        with db.read() as connection:
            return [
                *db.broken(connection),
                *_find_unreadable_rows(db),
                *db.find_invalid_utf8(),
                *_find_inconsistent_summaries(connection),
                *_find_changed_points(connection),
                *([] if db.newer else _find_changed_settings(connection)),
                *_find_missing_files(connection, db),
            ]
    except NotADatabase as error:
        return [error.message]


# What the summaries should be, from the points; IS compares NULL with NULL.
_INCONSISTENT_SUMMARIES = """
    WITH ordered AS (
        SELECT run_id, metric_id, epoch, value,
            first_value(epoch) OVER best AS best_epoch,
            first_value(value) OVER best AS best,
            row_number() OVER (PARTITION BY run_id, metric_id ORDER BY epoch DESC) AS from_end,
            count(*) OVER (PARTITION BY run_id, metric_id) AS n
        FROM point JOIN metric ON metric.id = point.metric_id
        WINDOW best AS (
            PARTITION BY run_id, metric_id
            ORDER BY value IS NULL, CASE direction WHEN 'min' THEN value ELSE -value END, epoch
        )
    ), truth AS (
        SELECT run_id, metric_id, n, value AS last, epoch AS last_epoch, best,
            CASE WHEN best IS NULL THEN NULL ELSE best_epoch END AS best_epoch
        FROM ordered WHERE from_end = 1
    )
    SELECT truth.run_id, metric.name FROM truth
    JOIN metric ON metric.id = truth.metric_id
    LEFT JOIN summary AS told
        ON told.run_id = truth.run_id AND told.metric_id = truth.metric_id
    WHERE told.run_id IS NULL OR told.n <> truth.n OR told.last IS NOT truth.last
        OR told.last_epoch <> truth.last_epoch OR told.best IS NOT truth.best
        OR told.best_epoch IS NOT truth.best_epoch
    UNION ALL
    SELECT told.run_id, metric.name FROM summary AS told
    JOIN metric ON metric.id = told.metric_id
    WHERE NOT EXISTS (
        SELECT 1 FROM point WHERE point.run_id = told.run_id AND point.metric_id = told.metric_id
    )
    ORDER BY 1, 2
"""


def _find_inconsistent_summaries(connection: Connection) -> Iterator[str]:
    for run_id, metric in connection.exec_driver_sql(_INCONSISTENT_SUMMARIES):
        yield f"run {run_id}: the summary of {metric} does not agree with its points"


def _find_unreadable_rows(db: Database) -> Iterator[str]:
    """Reads every row of every table, and names those that cannot be read."""
    db.unreadable_rows.clear()
    for removed in (False, True):
        all_studies(db, removed=removed)
        run_ids = [run.id for run in runs(db, removed=removed)]
    with db.read() as connection:
        run_ids = list(connection.exec_driver_sql("SELECT id FROM run ORDER BY id").scalars())
        trial_ids = connection.exec_driver_sql("SELECT id FROM trial ORDER BY id").scalars()
        trials(db, list(trial_ids))
        for name, direction in connection.exec_driver_sql("SELECT name, direction FROM metric"):
            if direction not in ("min", "max") or not isinstance(name, str):
                yield f"metric {name}: its direction is {direction}"
    findings(db, run_ids)
    attempts_of_runs(db, run_ids)
    summaries(db, run_ids)
    for run_id in run_ids:
        artifacts(db, run_id)
    for (table, number), problem in sorted(db.unreadable_rows.items(), key=str):
        yield f"{table} {number} cannot be read: {problem}"
    db.unreadable_rows.clear()


def _find_changed_points(connection: Connection) -> Iterator[str]:
    """Runs whose points are not those that they ended with, of those that have a checksum."""
    rows = connection.exec_driver_sql(
        "SELECT id, points_checksum FROM run WHERE points_checksum IS NOT NULL ORDER BY id"
    )
    stored = {run_id: checksum for run_id, checksum in rows}  # noqa: C416
    for run_id, curves in read_stored_curves(connection, list(stored)):
        try:
            now = compute_curves_checksum(curves)
        except (struct.error, TypeError):  # text in place of a number
            now = None
        if now != stored[run_id]:
            yield f"run {run_id}: its points have changed since it ended"


def _find_changed_settings(connection: Connection) -> Iterator[str]:
    """Trials whose setting is not the one that their digest was made of."""
    rows = connection.exec_driver_sql("SELECT id, digest, setting FROM trial ORDER BY id")
    for trial_id, digest, text in rows:
        try:
            now = digest_of(json.loads(text))
        except DECODE_ERRORS:
            continue  # named among the rows that cannot be read
        if now != digest:
            yield f"trial {trial_id}: its setting has changed: its digest is {digest}, now {now}"


def _find_missing_files(connection: Connection, db: Database) -> Iterator[str]:
    rows = connection.exec_driver_sql(
        "SELECT run_id, kind, path, size, run.artifacts"
        " FROM artifact JOIN run ON run.id = artifact.run_id ORDER BY artifact.id"
    ).fetchall()
    folders: dict[str | None, Folder] = {}
    for run_id, kind, path, size, place in rows:
        folder = folders.setdefault(place, artifacts_folder(db, place))
        told = f"run {run_id}: its {kind} {folder.shown}/{path}"
        try:
            found = folder.size_of(path)
        except OutputError as error:
            yield f"{told} cannot be looked at: {error.message}"
            continue
        if found is None:
            yield f"{told} is missing"
        elif found != size:
            yield f"{told} is not the one that was written"
