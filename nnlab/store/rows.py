"""Rows of the tables as records, and the SQL that fetches them in the order expected here."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from nnlab.records import Arm, Comparison, Environment, Objective, Run, Sampler, Study, Trial
from nnlab.store.liveness import Observer
from nnlab.store.text import StoredSetting, moment_from_text, to_json

# A set of numbers, and one of texts, as one bound value: any size, one statement for all.
IDS = "(SELECT value FROM json_each(?))"
NAMES = "(SELECT CAST(value AS TEXT) FROM json_each(?))"

STUDY = (
    "id, name, question, objective, space, seeds, created_at, claim, arms, decides, sampler,"
    " removed_at"
)

# What `Observer.status` takes, and the join that part of it comes from.
PLACE = "run.status, run.lease_until, attempt.hostname, attempt.pid_space, attempt.pid"
PLACE_JOIN = "LEFT JOIN attempt ON attempt.id = run.lease_attempt_id"

RUN = f"""
    SELECT run.id, trial.id, study.name, trial.setting, trial.digest,
           run.seed, run.repeat, run.current, run.name, run.tags,
           run.epochs, run.epochs_planned, run.selected_epoch, run.data_fingerprint, run.reason,
           run.parent_id,
           run.wall_seconds, run.device_seconds, run.created_at, run.started_at, run.ended_at,
           run.pruned_at, run.stop_requested_at, run.removed_at, run.artifacts,
           run.points_checksum,
           {PLACE}
    FROM run
    JOIN trial ON trial.id = run.trial_id
    JOIN study ON study.id = trial.study_id
    {PLACE_JOIN}
"""  # noqa: S608


def ids(numbers: Iterable[int]) -> str:
    """The value to bind for `IDS`."""
    return json.dumps(list(numbers))


def names(texts: Iterable[str]) -> str:
    """The value to bind for `NAMES`."""
    return to_json(list(texts))


def plain_rows(connection: Connection, sql: str, bound: tuple[Any, ...]) -> list[Any]:
    """All rows as the driver's own tuples, in the connection's transaction.

    Of ten thousand rows SQLAlchemy's own cost half the query, of short queries its way there.
    """
    return list(plain_cursor(connection, sql, bound).fetchall())


def plain_cursor(connection: Connection, sql: str, bound: tuple[Any, ...]) -> Any:
    """The driver's own cursor over the rows; the caller closes it."""
    driver = connection.connection.driver_connection
    assert driver is not None
    if connection.dialect.name == "postgresql":
        from nnlab.store.postgres.spelling import spelled

        sql = spelled(sql)
    return driver.execute(sql, bound)


def moment(text: str) -> datetime:
    """A moment that is never NULL."""
    found = moment_from_text(text)
    assert found is not None
    return found


def study_record(row: Sequence[Any]) -> Study:
    """A study from the columns in `STUDY`."""
    number, name, question, objective, space, seeds, created_at, claim, arms, decides = row[:10]
    sampler, removed_at = row[10:]
    return Study(
        id=number,
        name=name,
        question=question,
        objective=Objective.parse(objective) if objective else None,
        space=None
        if space is None
        else {field: tuple(values) for field, values in json.loads(space).items()},
        seeds=tuple(json.loads(seeds)),
        created_at=moment(created_at),
        claim=claim or "",
        arms=tuple(Arm(arm["name"], tuple(arm["trials"])) for arm in json.loads(arms or "[]")),
        decides=tuple(
            Comparison(**{**found, "arms": tuple(found["arms"])})
            for found in json.loads(decides or "[]")
        ),
        sampler=Sampler(**json.loads(sampler)) if sampler else None,
        removed_at=moment_from_text(removed_at),
    )


def run_record(row: Sequence[Any], observer: Observer) -> Run:
    """A run from the columns in `RUN`."""
    (
        number,
        trial_id,
        study,
        setting,
        digest,
        seed,
        repeat,
        current,
        name,
        tags,
        epochs,
        epochs_planned,
        selected_epoch,
        data_fingerprint,
        reason,
        parent_id,
        wall_seconds,
        device_seconds,
        created_at,
        started_at,
        ended_at,
        pruned_at,
        stop_requested_at,
        removed_at,
        artifacts,
        points_checksum,
        *place,
    ) = row
    return Run(
        id=number,
        trial=Trial(trial_id, study, StoredSetting(setting), digest),
        seed=seed,
        repeat=repeat,
        current=bool(current),
        status=observer.status(*place),
        name=name,
        tags=tuple(json.loads(tags)) if tags != "[]" else (),
        epochs=epochs,
        epochs_planned=epochs_planned,
        selected_epoch=selected_epoch,
        data_fingerprint=data_fingerprint,
        reason=reason,
        parent_id=parent_id,
        wall_seconds=wall_seconds,
        device_seconds=device_seconds,
        created_at=moment(created_at),
        started_at=moment_from_text(started_at),
        ended_at=moment_from_text(ended_at),
        pruned_at=pruned_at,
        stop_requested_at=moment_from_text(stop_requested_at),
        artifacts=artifacts,
        removed_at=moment_from_text(removed_at),
        points_checksum=points_checksum,
    )


def one_run(connection: Connection, run_id: int, observer: Observer) -> Run:
    """The run of that number, which must exist."""
    found = connection.exec_driver_sql(f"{RUN} WHERE run.id = ?", (run_id,)).one()
    return run_record(found, observer)


def environment_record(row: Mapping[str, Any]) -> Environment:
    """An environment from a row of its table, by column name."""
    return Environment(
        hostname=row["hostname"],
        platform=row["platform"],
        python=row["python"],
        torch=row["torch"],
        nnlab=row["nnlab"],
        packages=json.loads(row["packages"]),
        device=row["device"],
        threads=row["threads"],
        git_commit=row["git_commit"],
        git_dirty=None if row["git_dirty"] is None else bool(row["git_dirty"]),
        git_diff=row["git_diff"],
    )


def space_to_json(space: Mapping[str, tuple[Any, ...]] | None) -> str | None:
    """A study's space as it is stored."""
    return (
        None if space is None else to_json({name: list(values) for name, values in space.items()})
    )


def listed_to_json(records: Sequence[Arm] | Sequence[Comparison]) -> str | None:
    """Arms or comparisons as they are stored; NULL where there are none."""
    return to_json([asdict(record) for record in records]) if records else None


def sampler_to_json(sampler: Sampler | None) -> str | None:
    """A sampler as it is stored; NULL for the whole grid."""
    if sampler is None:
        return None
    return to_json({"name": sampler.name, "options": dict(sampler.options)})
