"""Adds runs to the queue; the same setting and seed is queued only once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, Update, bindparam, func, insert, literal_column, select, update
from sqlalchemy.engine import Connection

from nnlab.records import Origin, Setting, Status, Study
from nnlab.store.constructs import in_ids, in_names, in_values, json_append, json_elements
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.liveness import Observer
from nnlab.store.rows import WORKER_COLUMNS, join_worker
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text, to_json
from nnlab.store.tables import run as run_table
from nnlab.store.tables import trial as trial_table


@dataclass(frozen=True, slots=True)
class RunSpec:
    """A run to be queued: a setting with its digest, and a seed."""

    setting: Setting
    digest: str
    seed: int
    epochs: int
    name: str | None = None
    tags: tuple[str, ...] = ()
    origin: Origin | None = None

    @property
    def resolved_origin(self) -> Origin:
        """The origin; without one it follows from the setting, which may have a task."""
        return self.origin or (Origin.TASK if self.setting.get("task") else Origin.BUILTIN)


@dataclass(frozen=True, slots=True)
class EnqueueResult:
    """The ids of the runs in the order of their specifications, and counts by earlier status.

    `created` runs are new, `already_waiting` runs were queued or interrupted before, `retried` runs
    had failed and are queued again, `already_ended` runs have a result, `already_running` runs are
    being trained.
    `kept_names` maps the runs that did not get the requested name to the name that they have
    (None: no name).
    """

    run_ids: tuple[int, ...]
    created: int
    already_waiting: int
    retried: int
    already_ended: int
    already_running: int
    kept_names: Mapping[int, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _ExistingRun:
    id: int
    status: Status
    name: str | None


_TrialSeed = tuple[int, int]  # trial, seed


def enqueue(
    db: Database, study: Study, run_specs: Sequence[RunSpec], *, repeat: bool = False
) -> EnqueueResult:
    """Queues every specified run that does not exist yet, and failed ones again.

    A run gets the name of its specification only if it has no name and no result yet: otherwise
    the name would describe a run that was trained under another one. Tags are added to those of
    the run. Stop requests are cleared. A removed run is ignored: its trial and seed get a new
    repeat.

    Args:
        db: the database.
        study: the study of the runs.
        run_specs: the specifications; the same setting and seed twice is one run.
        repeat: whether to create a new run for each; earlier ones are then no longer current.
    """
    observer = Observer.local()
    with db.write() as connection:
        trials = _get_or_create_trials(connection, study, run_specs)
        specs = {(trials[spec.digest], spec.seed): spec for spec in run_specs}
        before = _current_runs(connection, study, set(trials.values()), observer)
        if repeat:
            _mark_not_current(connection, [before[key].id for key in specs if key in before])
        new = [key for key in specs if repeat or key not in before]
        repeats = _next_repeats(connection, {trial for trial, _ in new})
        _insert_runs(connection, [(key, repeats.get(key, 0), specs[key]) for key in new])
        db.prepare_partitions(connection, _highest_run_id(connection))
        kept = {} if repeat else {key: before[key] for key in specs if key in before}
        failed = [run.id for run in kept.values() if run.status is Status.FAILED]
        _requeue(connection, failed)
        _clear_stop_requests(connection, [run.id for run in kept.values()])
        kept_names = {
            run.id: run.name for key, run in kept.items() if not _may_take_name(run, specs[key])
        }
        _add_names_and_tags(
            connection, [(run.id, specs[key]) for key, run in kept.items()], kept_names
        )
        after = _current_runs(connection, study, set(trials.values()), observer)
    statuses = [run.status for run in kept.values()]
    return EnqueueResult(
        run_ids=tuple(after[key].id for key in specs),
        created=len(new),
        already_waiting=sum(status in (Status.QUEUED, Status.INTERRUPTED) for status in statuses),
        retried=len(failed),
        already_ended=sum(status in (Status.FINISHED, Status.DIVERGED) for status in statuses),
        already_running=sum(status is Status.RUNNING for status in statuses),
        kept_names=kept_names,
    )


def _may_take_name(run: _ExistingRun, spec: RunSpec) -> bool:
    """Whether a run has the name of a specification, or has no name and is not trained yet."""
    if spec.name is None or replace_invalid_unicode(spec.name) == run.name:
        return True
    return run.name is None and run.status.needs_training


def missing_run_ids(db: Database, study: Study) -> tuple[int, ...]:
    """The ids of the study's runs without a result that no worker is training, oldest first.

    Runs of other programs that nnlab cannot start are left out.
    """
    observer = Observer.local()
    startable = [str(origin) for origin in Origin if origin.is_startable]
    with db.read() as connection:
        rows = connection.execute(
            _select_current_runs(study)
            .where(in_values(run_table.c.origin, startable))
            .order_by(run_table.c.id)
        )
        return tuple(
            run_id for run_id, _, _, _, *worker in rows if observer.status(*worker).needs_training
        )


def _select_current_runs(study: Study) -> Select[Any]:
    return (
        select(
            run_table.c.id,
            run_table.c.trial_id,
            run_table.c.seed,
            run_table.c.name,
            *WORKER_COLUMNS,
        )
        .select_from(
            join_worker(trial_table.join(run_table, run_table.c.trial_id == trial_table.c.id))
        )
        .where(trial_table.c.study_id == study.id, run_table.c.current)
    )


def _get_or_create_trials(
    connection: Connection, study: Study, run_specs: Sequence[RunSpec]
) -> dict[str, int]:
    """The ids of the trials by digest; new trials are inserted."""
    settings = {spec.digest: spec.setting for spec in run_specs}
    trial_ids = _trial_ids_by_digest(connection, study, settings)
    new = [
        {"study_id": study.id, "digest": digest, "setting": to_json(dict(setting))}
        for digest, setting in settings.items()
        if digest not in trial_ids
    ]
    if not new:
        return trial_ids
    connection.execute(insert(trial_table), new)
    return _trial_ids_by_digest(connection, study, settings)


def _trial_ids_by_digest(
    connection: Connection, study: Study, digests: dict[str, Setting]
) -> dict[str, int]:
    rows = connection.execute(
        select(trial_table.c.digest, trial_table.c.id).where(
            trial_table.c.study_id == study.id, in_names(trial_table.c.digest, digests)
        )
    )
    return {digest: trial_id for digest, trial_id in rows}  # noqa: C416


def _current_runs(
    connection: Connection, study: Study, trial_ids: set[int], observer: Observer
) -> dict[_TrialSeed, _ExistingRun]:
    rows = connection.execute(
        _select_current_runs(study).where(in_ids(trial_table.c.id, trial_ids))
    )
    return {
        (trial_id, seed): _ExistingRun(run_id, observer.status(*worker), name)
        for run_id, trial_id, seed, name, *worker in rows
    }


def _next_repeats(connection: Connection, trial_ids: set[int]) -> dict[_TrialSeed, int]:
    """The first unused repeat by trial and seed; removed runs count as used."""
    rows = connection.execute(
        select(run_table.c.trial_id, run_table.c.seed, func.max(run_table.c.repeat) + 1)
        .where(in_ids(run_table.c.trial_id, trial_ids))
        .group_by(run_table.c.trial_id, run_table.c.seed)
    )
    return {(trial_id, seed): repeat for trial_id, seed, repeat in rows}


def _insert_runs(connection: Connection, new: Sequence[tuple[_TrialSeed, int, RunSpec]]) -> None:
    if not new:
        return
    now = timestamp_to_text(datetime.now(UTC))
    connection.execute(
        insert(run_table),
        [
            {
                "trial_id": trial_id,
                "seed": seed,
                "repeat": repeat,
                "current": True,
                "status": str(Status.QUEUED),
                "name": replace_invalid_unicode(spec.name) if spec.name else None,
                "tags": to_json([replace_invalid_unicode(tag) for tag in spec.tags]),
                "epochs": 0,
                "epochs_planned": spec.epochs,
                "created_at": now,
                "origin": str(spec.resolved_origin),
            }
            for (trial_id, seed), repeat, spec in new
        ],
    )


def _highest_run_id(connection: Connection) -> int:
    highest: int = connection.execute(
        select(func.coalesce(func.max(run_table.c.id), 0))
    ).scalar_one()
    return highest


def _mark_not_current(connection: Connection, run_ids: Sequence[int]) -> None:
    connection.execute(
        update(run_table).where(in_ids(run_table.c.id, run_ids)).values(current=False)
    )


def _requeue(connection: Connection, run_ids: Sequence[int]) -> None:
    connection.execute(
        update(run_table)
        .where(in_ids(run_table.c.id, run_ids))
        .values(status=str(Status.QUEUED), reason=None, ended_at=None)
    )


def _clear_stop_requests(connection: Connection, run_ids: Sequence[int]) -> None:
    connection.execute(
        update(run_table)
        .where(in_ids(run_table.c.id, run_ids), run_table.c.stop_requested_at.is_not(None))
        .values(stop_requested_at=None)
    )


def _add_tag() -> Update:
    elements = json_elements(run_table.c.tags)
    has_tag = (
        select(literal_column("1"))
        .select_from(elements)
        .where(elements.c.value == bindparam("tag"))
        .correlate(run_table)
        .exists()
    )
    return (
        update(run_table)
        .where(run_table.c.id == bindparam("run_id"), ~has_tag)
        .values(tags=json_append(run_table.c.tags, "tag"))
    )


_ADD_TAG = DriverStatement(_add_tag)


def _add_names_and_tags(
    connection: Connection, kept: Sequence[tuple[int, RunSpec]], kept_names: Collection[int]
) -> None:
    names = [
        {"run_id": run_id, "new_name": replace_invalid_unicode(spec.name)}
        for run_id, spec in kept
        if spec.name and run_id not in kept_names
    ]
    if names:
        connection.execute(
            update(run_table)
            .where(run_table.c.id == bindparam("run_id"))
            .values(name=bindparam("new_name")),
            names,
        )
    for run_id, spec in kept:
        for tag in spec.tags:
            _ADD_TAG.execute(connection, run_id=run_id, tag=replace_invalid_unicode(tag))
