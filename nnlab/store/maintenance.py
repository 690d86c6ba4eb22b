"""Status, backup and integrity checks of a database, for `nnlab db`."""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import CompoundSelect, case, func, or_, select
from sqlalchemy.engine import Connection

from nnlab.errors import NotADatabase, OutputError
from nnlab.io.folders import Folder
from nnlab.settings import ExternalSetting, digest_of
from nnlab.store.artifact_folders import artifacts_folder
from nnlab.store.checksum import compute_curves_checksum, read_stored_curves
from nnlab.store.database import Database
from nnlab.store.external_runs import nested_settings
from nnlab.store.file_copy import copy_to_file
from nnlab.store.garbage import total_size
from nnlab.store.ledger import ledger
from nnlab.store.measurements import artifacts, attempts_of_runs, findings, summaries
from nnlab.store.queries import all_studies, runs, trials
from nnlab.store.row_validation import DECODE_ERRORS
from nnlab.store.rows import is_external_trial
from nnlab.store.samples import iterate_samples
from nnlab.store.schema import TABLES
from nnlab.store.sources import sources
from nnlab.store.sqlite import FileDatabase
from nnlab.store.tables import artifact, metadata, metric, point, run, sample, study, summary, trial


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """A database's name for messages, revision, sizes, and number of rows by table."""

    display_name: str
    revision: str
    file_bytes: int
    log_bytes: int | None
    artifact_bytes: int
    row_counts: Mapping[str, int]


def database_status(db: Database) -> DatabaseStatus:
    """The status of a database."""
    log_size = db.log_size() if isinstance(db, FileDatabase) else None
    with db.read() as connection:
        revision = db.revision(connection)
        rows = {
            table: connection.execute(
                select(func.count()).select_from(metadata.tables[table])
            ).scalar_one()
            for table in TABLES
        }
    return DatabaseStatus(
        display_name=db.address.display_name,
        revision=revision or "",
        file_bytes=db.size() - (log_size or 0),
        log_bytes=log_size,
        artifact_bytes=total_size([db.address.artifacts]),
        row_counts=rows,
    )


def backup_database(db: Database, destination: Path) -> None:
    """Copies one consistent state of the database to a new file, even while runs are written.

    Raises:
        OutputError: the file exists already or cannot be written.
        DiskFull: the disk is full.
        StoreError: the database cannot be read.
    """
    copy_to_file(db, destination)


def find_problems(db: Database) -> list[str]:
    """All problems of a database, one line each; empty if there are none.

    A run whose worker died is not a problem: it is read as interrupted and can be claimed.
    """
    try:
        with db.read() as connection:
            return [
                *db.integrity_problems(connection),
                *_find_unreadable_rows(db),
                *db.find_invalid_utf8(),
                *_find_inconsistent_summaries(connection),
                *_find_changed_points(connection),
                *([] if db.newer else _find_changed_settings(connection)),
                *_find_missing_files(connection, db),
            ]
    except NotADatabase as error:
        return [error.message]


def _inconsistent_summaries() -> CompoundSelect[Any]:
    """Run and metric of each summary that differs from the one computed from the points.

    Also of summaries without points, and of points without a summary.
    """
    series = (point.c.run_id, point.c.metric_id)
    # Among equal values the first is the best; NaN, which is stored as NULL, is the worst.
    best_first = (
        point.c.value.is_(None),
        case((metric.c.direction == "min", point.c.value), else_=-point.c.value),
        point.c.epoch,
    )
    best: dict[str, Any] = {"partition_by": series, "order_by": best_first}
    ordered = (
        select(
            *series,
            point.c.epoch,
            point.c.value,
            func.first_value(point.c.epoch).over(**best).label("best_epoch"),
            func.first_value(point.c.value).over(**best).label("best"),
            func.row_number()
            .over(partition_by=series, order_by=point.c.epoch.desc())
            .label("from_end"),
            func.count().over(partition_by=series).label("n"),
        )
        .join(metric, metric.c.id == point.c.metric_id)
        .cte("ordered")
    )
    expected = select(ordered).where(ordered.c.from_end == 1).cte("expected")
    expected_best_epoch = case((expected.c.best.is_not(None), expected.c.best_epoch))
    differing = (
        select(expected.c.run_id, metric.c.name)
        .select_from(
            expected.join(metric, metric.c.id == expected.c.metric_id).outerjoin(
                summary,
                (summary.c.run_id == expected.c.run_id)
                & (summary.c.metric_id == expected.c.metric_id),
            )
        )
        .where(
            or_(
                summary.c.run_id.is_(None),
                summary.c.n != expected.c.n,
                summary.c.last.is_distinct_from(expected.c.value),
                summary.c.last_epoch != expected.c.epoch,
                summary.c.best.is_distinct_from(expected.c.best),
                summary.c.best_epoch.is_distinct_from(expected_best_epoch),
            )
        )
    )
    points = select(point.c.run_id).where(
        point.c.run_id == summary.c.run_id, point.c.metric_id == summary.c.metric_id
    )
    without_points = (
        select(summary.c.run_id, metric.c.name)
        .join(metric, metric.c.id == summary.c.metric_id)
        .where(~points.exists())
    )
    return differing.union_all(without_points).order_by("run_id", "name")


def _find_inconsistent_summaries(connection: Connection) -> Iterator[str]:
    for run_id, name in connection.execute(_inconsistent_summaries()):
        yield f"run {run_id}: the summary of {name} does not agree with its points"


def _find_unreadable_rows(db: Database) -> Iterator[str]:
    """Reads every row of every table; yields a line for each that cannot be read."""
    db.unreadable_rows.clear()
    for removed in (False, True):
        all_studies(db, removed=removed)
        runs(db, removed=removed)
    with db.read() as connection:
        run_ids = list(connection.execute(select(run.c.id).order_by(run.c.id)).scalars())
        trial_ids = list(connection.execute(select(trial.c.id).order_by(trial.c.id)).scalars())
        trials(db, trial_ids)
        for name, direction in connection.execute(select(metric.c.name, metric.c.direction)):
            if direction not in ("min", "max") or not isinstance(name, str):
                yield f"metric {name}: its direction is {direction}"
    findings(db, run_ids)
    attempts_of_runs(db, run_ids)
    summaries(db, run_ids)
    sources(db, run_ids)
    with db.read() as connection:
        recorded_ids = list(connection.execute(select(sample.c.run_id).distinct()).scalars())
    for run_id in recorded_ids:
        for _ in iterate_samples(db, run_id):
            pass  # unreadable ones are recorded
    nested_settings(db, trial_ids)
    ledger(db)
    for run_id in run_ids:
        artifacts(db, run_id)
    for (table, row_id), problem in sorted(db.unreadable_rows.items(), key=str):
        yield f"{table} {row_id} cannot be read: {problem}"
    db.unreadable_rows.clear()


def _find_changed_points(connection: Connection) -> Iterator[str]:
    """Yields the runs whose points do not match the checksum that was stored when they ended."""
    rows = connection.execute(
        select(run.c.id, run.c.points_checksum)
        .where(run.c.points_checksum.is_not(None))
        .order_by(run.c.id)
    )
    stored = {run_id: checksum for run_id, checksum in rows}  # noqa: C416
    for run_id, curves in read_stored_curves(connection, list(stored)):
        try:
            checksum = compute_curves_checksum(curves)
        except (struct.error, TypeError):  # text in place of a number
            checksum = None
        if checksum != stored[run_id]:
            yield f"run {run_id}: its points have changed since it ended"


def _find_changed_settings(connection: Connection) -> Iterator[str]:
    """Yields the trials whose setting does not match their digest."""
    rows = connection.execute(
        select(trial.c.id, trial.c.digest, trial.c.setting, is_external_trial())
        .join(study, study.c.id == trial.c.study_id)
        .order_by(trial.c.id)
    )
    for trial_id, digest, text, is_external in rows:
        try:
            setting = json.loads(text)
            actual = digest_of(ExternalSetting(setting) if is_external else setting)
        except DECODE_ERRORS:
            continue  # `_find_unreadable_rows` reports it
        if actual != digest:
            yield (
                f"trial {trial_id}: its setting has changed: its digest is {digest}, now {actual}"
            )


def _find_missing_files(connection: Connection, db: Database) -> Iterator[str]:
    rows = connection.execute(
        select(
            artifact.c.run_id, artifact.c.kind, artifact.c.path, artifact.c.size, run.c.artifacts
        )
        .join(run, run.c.id == artifact.c.run_id)
        .order_by(artifact.c.id)
    ).all()
    folders: dict[str | None, Folder] = {}
    for run_id, kind, path, size, place in rows:
        folder = folders.setdefault(place, artifacts_folder(db, place))
        label = f"run {run_id}: its {kind} {folder.display_name}/{path}"
        try:
            stored_size = folder.size_of(path)
        except OutputError as error:
            yield f"{label} cannot be read: {error.message}"
            continue
        if stored_size is None:
            yield f"{label} is missing"
        elif stored_size != size:
            yield f"{label} is not the one that was written"
