"""The queries for studies and runs, and the frozen records made of their rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, or_, select
from sqlalchemy.engine import Connection

from nnlab.records import (
    Arm,
    Environment,
    Objective,
    Origin,
    Run,
    Sampler,
    Scalar,
    Study,
    Trial,
)
from nnlab.store.claim_json import claim_from_json
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.liveness import Observer
from nnlab.store.row_validation import INTEGER, NUMBER, TEXT, ColumnTypes, check_epochs, decode_row
from nnlab.store.serialization import (
    StoredExternalSetting,
    StoredSetting,
    timestamp_from_text,
    to_json,
)
from nnlab.store.tables import attempt, run, study, trial

STUDY_COLUMNS: tuple[ColumnElement[Any], ...] = (
    study.c.id, study.c.name, study.c.question, study.c.objective, study.c.space, study.c.seeds,
    study.c.created_at, study.c.claim, study.c.arms, study.c.decides, study.c.sampler,
    study.c.removed_at, study.c.script,
)  # fmt: skip

# The arguments of `Observer.status`.
WORKER_COLUMNS: tuple[ColumnElement[Any], ...] = (
    run.c.status, run.c.lease_until, attempt.c.hostname, attempt.c.pid_space, attempt.c.pid,
)  # fmt: skip


def is_external_trial(trials: FromClause = trial) -> ColumnElement[bool]:
    """Whether another program has chosen the names of the setting; the query also needs `study`.

    Args:
        trials: the table of trials, or an alias of it.
    """
    return or_(trials.c.nested_setting.is_not(None), study.c.script.is_not(None))


def join_worker(tables: FromClause) -> FromClause:
    """Tables with `run` among them, joined to the attempt that holds the lease."""
    return tables.outerjoin(attempt, attempt.c.id == run.c.lease_attempt_id)


@cache
def select_runs() -> Select[Any]:
    """The query for runs with the columns that `run_record` takes; callers add conditions."""
    return select(
        run.c.id, trial.c.id, study.c.name, trial.c.setting, trial.c.digest,
        run.c.seed, run.c.repeat, run.c.current, run.c.name, run.c.tags,
        run.c.epochs, run.c.epochs_planned, run.c.selected_epoch, run.c.data_fingerprint,
        run.c.reason, run.c.parent_id, run.c.wall_seconds, run.c.device_seconds,
        run.c.created_at, run.c.started_at, run.c.ended_at, run.c.pruned_at,
        run.c.stop_requested_at, run.c.removed_at, run.c.artifacts, run.c.points_checksum,
        run.c.origin, run.c.axis, run.c.results,
        *WORKER_COLUMNS,
    ).select_from(
        join_worker(
            run.join(trial, trial.c.id == run.c.trial_id).join(
                study, study.c.id == trial.c.study_id
            )
        )
    )  # fmt: skip


_SELECT_RUN = DriverStatement(lambda: select_runs().where(run.c.id == bindparam("run_id")))


# The columns of these queries and of environments, in their order: types, and whether NULL is
# allowed.
_STUDY_TYPES = ColumnTypes(
    [
        ("number", INTEGER, False), ("name", TEXT, False), ("question", TEXT, False),
        ("objective", TEXT, True), ("space", TEXT, True), ("seeds", TEXT, False),
        ("created_at", TEXT, False), ("claim", TEXT, True), ("arms", TEXT, True),
        ("decides", TEXT, True), ("sampler", TEXT, True), ("removed_at", TEXT, True),
        ("script", TEXT, True),
    ]
)  # fmt: skip
_RUN_TYPES = ColumnTypes(
    [
        ("number", INTEGER, False), ("trial", INTEGER, False), ("study", TEXT, False),
        ("setting", TEXT, False), ("digest", TEXT, False), ("seed", INTEGER, True),
        ("repeat", INTEGER, False), ("current", INTEGER, False), ("name", TEXT, True),
        ("tags", TEXT, False), ("epochs", INTEGER, False), ("epochs_planned", INTEGER, False),
        ("selected_epoch", INTEGER, True), ("data_fingerprint", TEXT, True), ("reason", TEXT, True),
        ("parent_id", INTEGER, True), ("wall_seconds", NUMBER, True),
        ("device_seconds", NUMBER, True), ("created_at", TEXT, False), ("started_at", TEXT, True),
        ("ended_at", TEXT, True), ("pruned_at", INTEGER, True), ("stop_requested_at", TEXT, True),
        ("removed_at", TEXT, True), ("artifacts", TEXT, True), ("points_checksum", TEXT, True),
        ("origin", TEXT, False), ("axis", TEXT, False), ("results", TEXT, True),
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


def timestamp(text: str) -> datetime:
    """The timestamp of a column that is never NULL.

    Raises:
        ValueError, TypeError: it is NULL or not a timestamp.
    """
    moment = timestamp_from_text(text)
    if moment is None:
        raise ValueError("a timestamp is NULL")
    return moment


def study_record(row: Sequence[Any]) -> Study:
    """A study from a row of `STUDY_COLUMNS`."""
    study_id, name, question, objective, space, seeds, created_at, claim, arms, decides = row[:10]
    sampler, removed_at, script = row[10:]
    _STUDY_TYPES.check(row)
    evidence = claim_from_json(decides)
    return Study(
        id=study_id,
        name=name,
        question=question,
        objective=Objective.parse(objective) if objective else None,
        space=None
        if space is None
        else {field: _check_plain_values(values) for field, values in json.loads(space).items()},
        seeds=_parse_seeds(seeds),
        created_at=timestamp(created_at),
        claim=claim or "",
        arms=parse_arms(arms),
        comparisons=evidence.comparisons,
        sampler=_parse_sampler(sampler),
        removed_at=timestamp_from_text(removed_at),
        script=_parse_script(script),
        pilot=evidence.pilot,
        published=evidence.published,
    )


def _parse_script(text: str | None) -> Mapping[str, object] | None:
    if not text:
        return None
    script = json.loads(text)
    if not isinstance(script, dict):
        raise TypeError("the record of its script is not a JSON object")
    return script


def parse_arms(text: str | None) -> tuple[Arm, ...]:
    """The arms that are stored as this JSON.

    Raises:
        TypeError: a part of it has the wrong type.
        KeyError: a part of it is missing.
    """
    return tuple(_parse_arm(arm) for arm in json.loads(text or "[]"))


def _parse_arm(arm: Any) -> Arm:
    trials = arm["trials"]
    texts = (arm["name"], arm.get("note", ""), *trials) if isinstance(trials, list) else ()
    if not texts or not all(isinstance(text, str) for text in texts):
        raise TypeError("its arms are not lists of digests with a name")
    return Arm(arm["name"], tuple(trials), arm.get("note", ""))


def _parse_seeds(text: str) -> tuple[int, ...]:
    seeds = json.loads(text)
    if not isinstance(seeds, list) or not all(type(seed) is int for seed in seeds):
        raise TypeError("its seeds are not a list of integers")
    return tuple(seeds)


def _check_plain_values(values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list) or any(isinstance(value, list | dict) for value in values):
        raise TypeError("its space does not have a list of plain values for each field")
    return tuple(values)


def _parse_sampler(text: str | None) -> Sampler | None:
    if not text:
        return None
    sampler = Sampler(**json.loads(text))
    if not isinstance(sampler.name, str) or not isinstance(sampler.options, dict):
        raise TypeError("its sampler has no name or no options")
    return sampler


def trial_record(row: Sequence[Any]) -> Trial:
    """A trial from a row of its id, study name, setting, digest, and whether it is external."""
    trial_id, study_name, setting, digest, is_external = row
    if not isinstance(study_name, str) or not isinstance(digest, str):
        raise TypeError("its study or its digest is not text")
    kind = StoredExternalSetting if is_external else StoredSetting
    return Trial(trial_id, study_name, kind(setting, trial_id), digest)


def run_record(row: Sequence[Any], observer: Observer) -> Run:
    """A run from a row of `select_runs`."""
    (
        run_id,
        trial_id,
        study_name,
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
        origin,
        axis,
        results,
        *worker,
    ) = row
    _RUN_TYPES.check(row)
    check_epochs(epochs=epochs, epochs_planned=epochs_planned, selected_epoch=selected_epoch)
    return Run(
        id=run_id,
        trial=trial_record((trial_id, study_name, setting, digest, Origin(origin).is_external)),
        seed=seed,
        repeat=repeat,
        current=bool(current),
        status=observer.status(*worker),
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
        origin=Origin(origin),
        axis="step" if axis == "step" else "epoch",
        results=_parse_results(results) if results else {},
    )


def _parse_results(text: str) -> dict[str, Scalar]:
    results = json.loads(text)
    if not isinstance(results, dict) or any(isinstance(v, list | dict) for v in results.values()):
        raise TypeError("its results are not a JSON object of plain values")
    return results


def _parse_tags(text: str) -> tuple[str, ...]:
    tags = json.loads(text)
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise TypeError("its tags are not a list of strings")
    return tuple(tags)


def select_run(connection: Connection, run_id: int, observer: Observer) -> Run:
    """The run with that id, which must exist."""
    (row,) = _SELECT_RUN.fetch(connection, run_id=run_id)
    return decode_row("run", row, partial(run_record, observer=observer))


def environment_record(row: Mapping[str, Any]) -> Environment:
    """An environment from a row of its table, as a mapping by column name."""
    _ENVIRONMENT_TYPES.check([row[name] for name, *_ in _ENVIRONMENT_COLUMNS])
    packages = json.loads(row["packages"])
    if not isinstance(packages, dict) or not all(isinstance(v, str) for v in packages.values()):
        raise TypeError("its packages are not a JSON object of versions")
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
    """The JSON that is stored for a study's search space; None for a study that takes any run."""
    return (
        None if space is None else to_json({name: list(values) for name, values in space.items()})
    )


def arms_to_json(arms: Sequence[Arm]) -> str | None:
    """The JSON that is stored for arms, without empty notes; None if there are none."""
    records = [
        {key: value for key, value in asdict(arm).items() if (key, value) != ("note", "")}
        for arm in arms
    ]
    return to_json(records) if records else None


def sampler_to_json(sampler: Sampler | None) -> str | None:
    """The JSON that is stored for a sampler; None for the whole grid."""
    if sampler is None:
        return None
    return to_json({"name": sampler.name, "options": dict(sampler.options)})
