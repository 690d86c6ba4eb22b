"""The transactions of an import: a logged run is stored by one process at a time.

An import that is killed leaves samples after the last stored position; the next one deletes them
and reads on from that position, so that the result equals that of one import.
"""

import os
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.engine import Connection

from nnlab.errors import LeaseLost
from nnlab.records import Axis, Finding, Objective, Run, Scalar, Setting, Source, SourceNote, Status
from nnlab.store.checksum import store_run_checksum
from nnlab.store.database import Database
from nnlab.store.evaluation_points import CurveChange
from nnlab.store.external_runs import (
    ExternalRunSpec,
    add_results,
    create_external_run,
    get_or_create_trial,
    move_run,
)
from nnlab.store.leases import LEASE_SECONDS
from nnlab.store.liveness import Observer, current_pid_namespace
from nnlab.store.points import get_or_create_metrics
from nnlab.store.rows import select_run
from nnlab.store.run_transactions import replace_findings
from nnlab.store.samples import (
    LARGEST_STEP,
    PUT_SAMPLES,
    SampleCall,
    apply_changes,
    stored_position,
    stored_step,
)
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text, to_json
from nnlab.store.sources import put_source, source_record
from nnlab.store.tables import finding, metric, point, sample, source, study, summary, trial
from nnlab.store.tables import run as run_table

_SAMPLE_COLUMNS = ("run_id", "metric_id", "seq", "step", "epoch", "time", "value")


@dataclass(frozen=True, slots=True)
class RunImport:
    """A run that this process imports.

    `reader_position` is where its reader goes on, None at the start; `next_seq` is the number of
    the next log call. `token` identifies the import.
    """

    run: Run
    source: Source
    reader_position: Mapping[str, Any] | None
    next_seq: int
    token: str


@dataclass(frozen=True, slots=True)
class ImportedState:
    """What a log says about a run besides its samples, up to a position in the log.

    `changes` are those of the points; with `replaces_points`, they are all points of the run.
    `setting` is None if the log says nothing about it, so that the stored one remains.
    """

    reader_position: Mapping[str, Any]
    next_seq: int
    setting: Setting | None
    nested_setting: Mapping[str, Any] | None
    seed: int | None
    name: str | None
    tags: tuple[str, ...]
    status: Status
    reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    selected_epoch: int | None
    results: Mapping[str, Scalar]
    changes: Mapping[str, CurveChange]
    replaces_points: bool
    axis: Axis
    last_position: int
    findings: Sequence[Finding]
    metric_names: Mapping[str, str]
    notes: tuple[SourceNote, ...]
    location: str


def sources_of_kind(db: Database, kind: str) -> list[Source]:
    """The sources of all imported runs of a kind, also of removed ones."""
    with db.read() as connection:
        rows = connection.execute(select(source).where(source.c.kind == kind)).all()
    return [source_record(row) for row in rows]


def removed_run_ids(db: Database) -> set[int]:
    """The ids of the imported runs that have been removed."""
    with db.read() as connection:
        return set(
            connection.execute(
                select(run_table.c.id)
                .join(source, source.c.run_id == run_table.c.id)
                .where(run_table.c.removed_at.is_not(None))
            ).scalars()
        )


def begin_import(
    db: Database, kind: str, external_id: str, location: str, spec: ExternalRunSpec
) -> RunImport | None:
    """Starts or continues the import of a run; None if another process is importing it.

    The run is created if no run has that id among the imported runs of the kind. Samples that an
    interrupted import has left behind are deleted.

    Raises:
        UsageError: the study of the run is not open.
    """
    external_id = replace_invalid_unicode(external_id)
    with db.transaction(), db.write() as connection:
        stored = _select_source(connection, kind, external_id)
        if stored is None:
            run = create_external_run(db, spec)
            now = datetime.now(UTC)
            stored = Source(run.id, kind, external_id, location, now, None, {})
        else:
            run = select_run(connection, stored.run_id, Observer.local())
        position: dict[str, Any] = dict(stored.position or {})
        if _is_alive(position.get("importer")):
            return None
        next_seq = int(position.get("next_seq", 0))
        if "importer" in position or not stored.position:
            _delete_samples_from(connection, run.id, next_seq)
        token = secrets.token_hex(8)
        importing = RunImport(run, stored, position.get("reader"), next_seq, token)
        _put_position(db, importing)
        return importing


def restart_import(db: Database, importing: RunImport) -> RunImport:
    """Deletes everything that was read of a log, because it was written anew.

    Raises:
        LeaseLost: another process has taken over the import.
    """
    run_id = importing.run.id
    with db.transaction(), db.write() as connection:
        _check_token(connection, importing)
        for table in (sample, point, summary, finding):
            connection.execute(delete(table).where(table.c.run_id == run_id))
        connection.execute(
            update(run_table).where(run_table.c.id == run_id).values(epochs=0, results=None)
        )
        restarted = RunImport(importing.run, importing.source, None, 0, importing.token)
        _put_position(db, restarted)
    return restarted


def put_imported_samples(db: Database, importing: RunImport, calls: Sequence[SampleCall]) -> None:
    """Stores samples of an import in one transaction; points follow in `complete_import`.

    There is at least one call, and the calls are in the order of their numbers.

    Raises:
        LeaseLost: another process has taken over the import.
    """
    with db.write(exclusive=False, check_foreign_keys=False) as connection:
        _check_token(connection, importing)
        names = {item.metric for call in calls for item in call.samples}
        metrics = get_or_create_metrics(connection, names)
        ids = {name: metric_id for name, (metric_id, _) in metrics.items()}
        run_id = importing.run.id
        rows = [
            (
                run_id,
                ids[name],
                call.seq,
                step if step is None or -LARGEST_STEP < step < LARGEST_STEP else stored_step(step),
                epoch,
                logged_at,
                value,
            )
            for call in calls
            for name, value, step, epoch, logged_at in call.samples
        ]
        # A call that was stored in part, and perhaps completed by an import that was killed.
        reopened = [row for row in rows[: len(calls[0].samples)] if row[2] < importing.next_seq]
        if reopened:
            PUT_SAMPLES.execute_many(connection, reopened)
            rows = [row for row in rows if row[2] >= importing.next_seq]
        # In the order of the table's key, its pages are filled one after another.
        rows.sort(key=_key_of_row)
        db.insert(connection, "sample", _SAMPLE_COLUMNS, rows)
        _renew(connection, importing)


def complete_import(db: Database, importing: RunImport, state: ImportedState) -> RunImport:
    """Stores everything but the samples, and the position from which the next import goes on.

    Returns the import, for a log that is followed.

    Raises:
        LeaseLost: another process has taken over the import.
    """
    run_id = importing.run.id
    with db.transaction(), db.write() as connection:
        _check_token(connection, importing)
        _move_to_trial(connection, importing.run, state)
        if state.replaces_points:
            for table in (point, summary):
                connection.execute(delete(table).where(table.c.run_id == run_id))
        metrics = get_or_create_metrics(connection, state.changes)
        apply_changes(connection, run_id, state.changes, metrics)
        connection.execute(
            update(run_table).where(run_table.c.id == run_id).values(_run_values(state))
        )
        if state.results:
            add_results(connection, run_id, state.results)
        replace_findings(connection, run_id, state.findings, datetime.now(UTC))
        store_run_checksum(connection, run_id)
        stored = Source(
            run_id,
            importing.source.kind,
            importing.source.external_id,
            state.location,
            datetime.now(UTC),
            {"reader": dict(state.reader_position), "next_seq": state.next_seq},
            dict(state.metric_names),
            state.notes,
        )
        put_source(db, stored)
        run = select_run(connection, run_id, Observer.local())
    return RunImport(run, stored, state.reader_position, state.next_seq, importing.token)


def resume_import(db: Database, importing: RunImport) -> bool:
    """Continues a completed import; False if another process has imported the run since."""
    with db.transaction(), db.write() as connection:
        row = connection.execute(select(source).where(source.c.run_id == importing.run.id)).one()
        if source_record(row).position != importing.source.position:
            return False
        _put_position(db, importing)
    return True


def release_import(db: Database, importing: RunImport) -> None:
    """Lets other processes continue an import that was not completed."""
    with db.transaction(), db.write() as connection:
        try:
            _check_token(connection, importing)
        except LeaseLost:
            return
        position = _position(importing)
        position["importer"]["until"] = 0
        connection.execute(
            update(source)
            .where(source.c.run_id == importing.run.id)
            .values(position=to_json(position))
        )


def rename_imported_metric(db: Database, importing: RunImport, old: str, new: str) -> None:
    """Gives the samples of a metric of the run another name.

    Raises:
        LeaseLost: another process has taken over the import.
    """
    with db.write() as connection:
        _check_token(connection, importing)
        metrics = get_or_create_metrics(connection, [old, new])
        connection.execute(
            update(sample)
            .where(sample.c.run_id == importing.run.id, sample.c.metric_id == metrics[old][0])
            .values(metric_id=metrics[new][0])
        )


def set_missing_objective(db: Database, study_name: str, objective: Objective) -> None:
    """Makes a metric the objective of a study that has none."""
    with db.write() as connection:
        connection.execute(
            update(study)
            .where(study.c.name == replace_invalid_unicode(study_name), study.c.objective.is_(None))
            .values(objective=str(objective))
        )


def evaluated_metrics(db: Database, study_name: str) -> list[tuple[str, int]]:
    """The metrics of the runs of a study with their number of runs, most frequent first."""
    runs = func.count().label("runs")
    with db.read() as connection:
        rows = connection.execute(
            select(metric.c.name, runs)
            .join(summary, summary.c.metric_id == metric.c.id)
            .join(run_table, run_table.c.id == summary.c.run_id)
            .join(trial, trial.c.id == run_table.c.trial_id)
            .join(study, study.c.id == trial.c.study_id)
            .where(study.c.name == replace_invalid_unicode(study_name))
            .where(run_table.c.removed_at.is_(None))
            .group_by(metric.c.name)
            .order_by(runs.desc(), metric.c.name)
        ).all()
    return [(name, count) for name, count in rows]


def _key_of_row(row: tuple[Any, ...]) -> tuple[int, int]:
    return row[1], row[2]


def _select_source(connection: Connection, kind: str, external_id: str) -> Source | None:
    row = connection.execute(
        select(source).where(source.c.kind == kind, source.c.external_id == external_id)
    ).one_or_none()
    return None if row is None else source_record(row)


def _is_alive(importer: Mapping[str, Any] | None) -> bool:
    """Whether the process that began an import is still at work."""
    if importer is None:
        return False
    status = Observer.local().status(
        Status.RUNNING,
        importer.get("until"),
        importer.get("host"),
        importer.get("pid_space"),
        importer.get("pid"),
    )
    return status is Status.RUNNING


def _put_position(db: Database, importing: RunImport) -> None:
    item = importing.source
    put_source(
        db,
        Source(
            importing.run.id,
            item.kind,
            item.external_id,
            item.location,
            item.imported_at,
            _position(importing),
            item.metric_names,
            item.notes,
        ),
    )


def _position(importing: RunImport) -> dict[str, Any]:
    reader = importing.reader_position
    return {
        "reader": None if reader is None else dict(reader),
        "next_seq": importing.next_seq,
        "importer": {
            "token": importing.token,
            "host": socket.gethostname(),
            "pid_space": current_pid_namespace(),
            "pid": os.getpid(),
            "until": time.time() + LEASE_SECONDS,
        },
    }


def _check_token(connection: Connection, importing: RunImport) -> None:
    row = connection.execute(select(source).where(source.c.run_id == importing.run.id)).one()
    position: Mapping[str, Any] = source_record(row).position or {}
    if position.get("importer", {}).get("token") != importing.token:
        raise LeaseLost(
            f"run {importing.run.id} is imported by another process",
            hint="nothing is lost; the other process goes on",
        )


def _renew(connection: Connection, importing: RunImport) -> None:
    connection.execute(
        update(source)
        .where(source.c.run_id == importing.run.id)
        .values(position=to_json(_position(importing)))
    )


def _delete_samples_from(connection: Connection, run_id: int, seq: int) -> None:
    connection.execute(delete(sample).where(sample.c.run_id == run_id, sample.c.seq >= seq))


def _move_to_trial(connection: Connection, run: Run, state: ImportedState) -> None:
    trial_id = run.trial.id
    if state.setting is not None:
        study_id = connection.execute(
            select(trial.c.study_id)
            .join(run_table, run_table.c.trial_id == trial.c.id)
            .where(run_table.c.id == run.id)
        ).scalar_one()
        trial_id = get_or_create_trial(connection, study_id, state.setting, state.nested_setting)
    move_run(connection, run.id, trial_id, state.seed)


def _run_values(state: ImportedState) -> dict[str, Any]:
    values: dict[str, Any] = {
        "status": str(state.status),
        "reason": state.reason,
        "axis": state.axis,
        "epochs": stored_position(state.last_position),
        "selected_epoch": state.selected_epoch,
        "tags": to_json([replace_invalid_unicode(tag) for tag in state.tags]),
    }
    if state.name is not None:
        values["name"] = replace_invalid_unicode(state.name)
    started, ended = state.started_at, state.ended_at
    if started is not None:
        values["started_at"] = values["created_at"] = timestamp_to_text(started)
    if ended is not None:
        values["ended_at"] = timestamp_to_text(ended)
    if started is not None and ended is not None:
        values["wall_seconds"] = max(0.0, (ended - started).total_seconds())
    return values
