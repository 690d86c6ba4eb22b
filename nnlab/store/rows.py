"""Rows of the tables as records, and the SQL that fetches them in the order expected here."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from nnlab.records import Arm, Comparison, Environment, Objective, Run, Sampler, Study, Trial
from nnlab.store.liveness import Observer
from nnlab.store.row_validation import INTEGER, NUMBER, TEXT, ColumnTypes, check_epochs, decode_row
from nnlab.store.serialization import StoredSetting, timestamp_from_text, to_json

# A set of numbers, and one of texts, as one bound value: any size, one statement for all.
ID_LIST = "(SELECT value FROM json_each(?))"
NAME_LIST = "(SELECT CAST(value AS TEXT) FROM json_each(?))"

STUDY_COLUMNS = (
    "id, name, question, objective, space, seeds, created_at, claim, arms, decides, sampler,"
    " removed_at"
)

# What `Observer.status` takes, and the join that part of it comes from.
WORKER_COLUMNS = "run.status, run.lease_until, attempt.hostname, attempt.pid_space, attempt.pid"
WORKER_JOIN = "LEFT JOIN attempt ON attempt.id = run.lease_attempt_id"

SELECT_RUN = f"""
    SELECT run.id, trial.id, study.name, trial.setting, trial.digest,
           run.seed, run.repeat, run.current, run.name, run.tags,
           run.epochs, run.epochs_planned, run.selected_epoch, run.data_fingerprint, run.reason,
           run.parent_id,
           run.wall_seconds, run.device_seconds, run.created_at, run.started_at, run.ended_at,
           run.pruned_at, run.stop_requested_at, run.removed_at, run.artifacts,
           run.points_checksum,
           {WORKER_COLUMNS}
    FROM run
    JOIN trial ON trial.id = run.trial_id
    JOIN study ON study.id = trial.study_id
    {WORKER_JOIN}
"""  # noqa: S608


# Of the columns in STUDY, RUN and of environments, in their order: whether NULL is allowed.
_STUDY_TYPES = ColumnTypes(
    [
        ("number", INTEGER, False), ("name", TEXT, False), ("question", TEXT, False),
        ("objective", TEXT, True), ("space", TEXT, True), ("seeds", TEXT, False),
        ("created_at", TEXT, False), ("claim", TEXT, True), ("arms", TEXT, True),
        ("decides", TEXT, True), ("sampler", TEXT, True), ("removed_at", TEXT, True),
    ]
)  # fmt: skip
_RUN_TYPES = ColumnTypes(
    [
        ("number", INTEGER, False), ("trial", INTEGER, False), ("study", TEXT, False),
        ("setting", TEXT, False), ("digest", TEXT, False), ("seed", INTEGER, False),
        ("repeat", INTEGER, False), ("current", INTEGER, False), ("name", TEXT, True),
        ("tags", TEXT, False), ("epochs", INTEGER, False), ("epochs_planned", INTEGER, False),
        ("selected_epoch", INTEGER, True), ("data_fingerprint", TEXT, True), ("reason", TEXT, True),
        ("parent_id", INTEGER, True), ("wall_seconds", NUMBER, True),
        ("device_seconds", NUMBER, True), ("created_at", TEXT, False), ("started_at", TEXT, True),
        ("ended_at", TEXT, True), ("pruned_at", INTEGER, True), ("stop_requested_at", TEXT, True),
        ("removed_at", TEXT, True), ("artifacts", TEXT, True), ("points_checksum", TEXT, True),
        ("status", TEXT, False), ("lease_until", NUMBER, True), ("hostname", TEXT, True),
        ("pid_space", TEXT, True), ("pid", INTEGER, True),
    ]
)  # fmt: skip
_ENVIRONMENT_COLUMNS = (
    ("hostname", TEXT, False), ("platform", TEXT, False), ("python", TEXT, False),
    ("torch", TEXT, False), ("nnlab", TEXT, False), ("packages", TEXT, False),
    ("device", TEXT, False), ("threads", INTEGER, False), ("git_commit", TEXT, True),
    ("git_dirty", INTEGER, True), ("git_diff", TEXT, True),
)  # fmt: skip
_ENVIRONMENT_TYPES = ColumnTypes(_ENVIRONMENT_COLUMNS)


def bind_ids(numbers: Iterable[int]) -> str:
    """The value to bind for `ID_LIST`."""
    return json.dumps(list(numbers))


def bind_names(texts: Iterable[str]) -> str:
    """The value to bind for `NAME_LIST`."""
    return to_json(list(texts))


def fetch_driver_rows(connection: Connection, sql: str, bound: tuple[Any, ...]) -> list[Any]:
    """All rows as the driver's own tuples, in the connection's transaction.

    Of ten thousand rows SQLAlchemy's own cost half the query, of short queries its way there.
    """
    return list(driver_cursor(connection, sql, bound).fetchall())


def driver_cursor(connection: Connection, sql: str, bound: tuple[Any, ...]) -> Any:
    """The driver's own cursor over the rows; the caller closes it."""
    driver = connection.connection.driver_connection
    assert driver is not None
    if connection.dialect.name == "postgresql":
        from nnlab.store.postgres.dialect import to_postgres_sql

        sql = to_postgres_sql(sql)
    return driver.execute(sql, bound)


def timestamp(text: str) -> datetime:
    """A moment that is never NULL.

    Raises:
        ValueError, TypeError: it is NULL or no moment.
    """
    found = timestamp_from_text(text)
    if found is None:
        raise ValueError("a moment is NULL")
    return found


def study_record(row: Sequence[Any]) -> Study:
    """A study from the columns in `STUDY_COLUMNS`."""
    number, name, question, objective, space, seeds, created_at, claim, arms, decides = row[:10]
    sampler, removed_at = row[10:]
    _STUDY_TYPES.check(row)
    return Study(
        id=number,
        name=name,
        question=question,
        objective=Objective.parse(objective) if objective else None,
        space=None
        if space is None
        else {field: _check_plain_values(values) for field, values in json.loads(space).items()},
        seeds=_parse_seeds(seeds),
        created_at=timestamp(created_at),
        claim=claim or "",
        arms=tuple(_parse_arm(arm) for arm in json.loads(arms or "[]")),
        decides=tuple(
            Comparison(**{**found, "arms": tuple(found["arms"])})
            for found in json.loads(decides or "[]")
        ),
        sampler=_parse_sampler(sampler),
        removed_at=timestamp_from_text(removed_at),
    )


def _parse_arm(arm: Any) -> Arm:
    trials = arm["trials"]
    if not isinstance(trials, list) or not all(isinstance(t, str) for t in (arm["name"], *trials)):
        raise TypeError("its arms are no lists of digests with a name")
    return Arm(arm["name"], tuple(trials))


def _parse_seeds(text: str) -> tuple[int, ...]:
    seeds = json.loads(text)
    if not isinstance(seeds, list) or not all(type(seed) is int for seed in seeds):
        raise TypeError("its seeds are no list of whole numbers")
    return tuple(seeds)


def _check_plain_values(values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list) or any(isinstance(value, list | dict) for value in values):
        raise TypeError("its space has no list of plain values for a field")
    return tuple(values)


def _parse_sampler(text: str | None) -> Sampler | None:
    if not text:
        return None
    sampler = Sampler(**json.loads(text))
    if not isinstance(sampler.name, str) or not isinstance(sampler.options, dict):
        raise TypeError("its sampler has no name or no options")
    return sampler


def trial_record(row: Sequence[Any]) -> Trial:
    """A trial from its number, study, setting and digest."""
    number, study, setting, digest = row
    if not isinstance(study, str) or not isinstance(digest, str):
        raise TypeError("its study or its digest is no text")
    return Trial(number, study, StoredSetting(setting, number), digest)


def run_record(row: Sequence[Any], observer: Observer) -> Run:
    """A run from the columns in `SELECT_RUN`."""
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
    _RUN_TYPES.check(row)
    check_epochs(epochs=epochs, epochs_planned=epochs_planned, selected_epoch=selected_epoch)
    return Run(
        id=number,
        trial=Trial(trial_id, study, StoredSetting(setting, trial_id), digest),
        seed=seed,
        repeat=repeat,
        current=bool(current),
        status=observer.status(*place),
        name=name,
        tags=_parse_tags(tags) if tags != "[]" else (),
        epochs=epochs,
        epochs_planned=epochs_planned,
        selected_epoch=selected_epoch,
        data_fingerprint=data_fingerprint,
        reason=reason,
        parent_id=parent_id,
        wall_seconds=wall_seconds,
        device_seconds=device_seconds,
        created_at=timestamp(created_at),
        started_at=timestamp_from_text(started_at),
        ended_at=timestamp_from_text(ended_at),
        pruned_at=pruned_at,
        stop_requested_at=timestamp_from_text(stop_requested_at),
        artifacts=artifacts,
        removed_at=timestamp_from_text(removed_at),
        points_checksum=points_checksum,
    )


def _parse_tags(text: str) -> tuple[str, ...]:
    tags = json.loads(text)
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise TypeError("its tags are no list of texts")
    return tuple(tags)


def select_run(connection: Connection, run_id: int, observer: Observer) -> Run:
    """The run of that number, which must exist."""
    found = connection.exec_driver_sql(f"{SELECT_RUN} WHERE run.id = ?", (run_id,)).one()
    return decode_row("run", found, partial(run_record, observer=observer))


def environment_record(row: Mapping[str, Any]) -> Environment:
    """An environment from a row of its table, by column name."""
    _ENVIRONMENT_TYPES.check([row[name] for name, *_ in _ENVIRONMENT_COLUMNS])
    packages = json.loads(row["packages"])
    if not isinstance(packages, dict) or not all(isinstance(v, str) for v in packages.values()):
        raise TypeError("its packages are no JSON object of versions")
    return Environment(
        hostname=row["hostname"],
        platform=row["platform"],
        python=row["python"],
        torch=row["torch"],
        nnlab=row["nnlab"],
        packages=packages,
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


def dataclasses_to_json(records: Sequence[Arm] | Sequence[Comparison]) -> str | None:
    """Arms or comparisons as they are stored; NULL where there are none."""
    return to_json([asdict(decode_row) for decode_row in records]) if records else None


def sampler_to_json(sampler: Sampler | None) -> str | None:
    """A sampler as it is stored; NULL for the whole grid."""
    if sampler is None:
        return None
    return to_json({"name": sampler.name, "options": dict(sampler.options)})
