"""Puts runs into the queue: the database is the queue, and a run is in it only once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.engine import Connection

from nnlab.records import Setting, Status, Study
from nnlab.store.database import Database
from nnlab.store.liveness import Observer
from nnlab.store.rows import ID_LIST, NAME_LIST, WORKER_COLUMNS, WORKER_JOIN, bind_ids, bind_names
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text, to_json


@dataclass(frozen=True, slots=True)
class RunSpec:
    """A run that is wanted: a setting with its digest, and a seed."""

    setting: Setting
    digest: str
    seed: int
    epochs: int
    name: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnqueueResult:
    """The runs of the plans, in the plans' order, and how many stood how before.

    `new` were made, `waiting` were queued or interrupted, `retried` had failed and are queued
    again, `done` have a result, `busy` are worked on now. `kept_names` are the runs that did not
    get the name of their plan, with the name that they have (None: no name).
    """

    run_ids: tuple[int, ...]
    new: int
    waiting: int
    retried: int
    done: int
    busy: int
    kept_names: Mapping[int, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _ExistingRun:
    id: int
    status: Status
    name: str | None


_TrialSeed = tuple[int, int]  # trial, seed


def enqueue(
    db: Database, study: Study, plans: Sequence[RunSpec], *, again: bool = False
) -> EnqueueResult:
    """Queues every plan that has no run yet, and those that failed once more.

    The name of a plan goes to a run that has none and no result yet. A run that has another name,
    or was trained without one, keeps it: the name would say of the run what it is not. Tags are
    added to those of a run. Runs that `nnlab stop` held back may be taken up again. A removed run
    is as if it were not there: its trial and seed get a new repeat.

    Args:
        db: the database.
        study: where the runs belong.
        plans: what is wanted; the same setting and seed twice is one run.
        again: whether each plan gets a new run; earlier ones are then no longer current.
    """
    observer = Observer.here()
    with db.write() as connection:
        trials = _get_or_create_trials(connection, study, plans)
        wanted = {(trials[plan.digest], plan.seed): plan for plan in plans}
        before = _current_runs(connection, study, set(trials.values()), observer)
        if again:
            _mark_not_current(connection, [before[key].id for key in wanted if key in before])
        fresh = [key for key in wanted if again or key not in before]
        repeats = _next_repeats(connection, {trial for trial, _ in fresh})
        _insert_runs(connection, [(key, repeats.get(key, 0), wanted[key]) for key in fresh])
        db.prepare_partitions(connection, _highest_run_id(connection))
        kept = {} if again else {key: before[key] for key in wanted if key in before}
        failed = [run.id for run in kept.values() if run.status is Status.FAILED]
        _requeue(connection, failed)
        _clear_stop_requests(connection, [run.id for run in kept.values()])
        kept_names = {
            run.id: run.name for key, run in kept.items() if not _may_take_name(run, wanted[key])
        }
        _add_names_and_tags(
            connection, [(run.id, wanted[key]) for key, run in kept.items()], kept_names
        )
        after = _current_runs(connection, study, set(trials.values()), observer)
    statuses = [run.status for run in kept.values()]
    return EnqueueResult(
        run_ids=tuple(after[key].id for key in wanted),
        new=len(fresh),
        waiting=sum(status in (Status.QUEUED, Status.INTERRUPTED) for status in statuses),
        retried=len(failed),
        done=sum(status in (Status.FINISHED, Status.DIVERGED) for status in statuses),
        busy=sum(status is Status.RUNNING for status in statuses),
        kept_names=kept_names,
    )


def _may_take_name(run: _ExistingRun, plan: RunSpec) -> bool:
    """Whether a run may have the name of a plan: it has it, or has none and is not trained yet."""
    if plan.name is None or replace_invalid_unicode(plan.name) == run.name:
        return True
    return run.name is None and run.status.needs_training


def missing_run_ids(db: Database, study: Study) -> tuple[int, ...]:
    """The study's runs that have no result yet and that nobody works on, oldest first."""
    observer = Observer.here()
    with db.read() as connection:
        rows = connection.exec_driver_sql(
            f"{_SELECT_CURRENT_RUNS} WHERE trial.study_id = ? AND run.current ORDER BY run.id",
            (study.id,),
        )
        return tuple(
            number for number, _, _, _, *place in rows if observer.status(*place).needs_training
        )


_SELECT_CURRENT_RUNS = f"""
    SELECT run.id, run.trial_id, run.seed, run.name, {WORKER_COLUMNS}
    FROM trial JOIN run ON run.trial_id = trial.id {WORKER_JOIN}
"""  # noqa: S608


def _get_or_create_trials(
    connection: Connection, study: Study, plans: Sequence[RunSpec]
) -> dict[str, int]:
    """The numbers of the plans' trials by digest; new ones are made."""
    settings = {plan.digest: plan.setting for plan in plans}
    known = _trial_ids_by_digest(connection, study, settings)
    new = [
        (study.id, digest, to_json(dict(setting)))
        for digest, setting in settings.items()
        if digest not in known
    ]
    if not new:
        return known
    connection.exec_driver_sql(
        "INSERT INTO trial (study_id, digest, setting) VALUES (?, ?, ?)", new
    )
    return _trial_ids_by_digest(connection, study, settings)


def _trial_ids_by_digest(
    connection: Connection, study: Study, digests: dict[str, Setting]
) -> dict[str, int]:
    rows = connection.exec_driver_sql(
        f"SELECT digest, id FROM trial WHERE study_id = ? AND digest IN {NAME_LIST}",  # noqa: S608
        (study.id, bind_names(digests)),
    )
    return {row[0]: row[1] for row in rows}


def _current_runs(
    connection: Connection, study: Study, trials: set[int], observer: Observer
) -> dict[_TrialSeed, _ExistingRun]:
    rows = connection.exec_driver_sql(
        f"{_SELECT_CURRENT_RUNS} WHERE trial.study_id = ? AND run.current AND trial.id IN {ID_LIST}",
        (study.id, bind_ids(trials)),
    )
    return {
        (trial, seed): _ExistingRun(number, observer.status(*place), name)
        for number, trial, seed, name, *place in rows
    }


def _next_repeats(connection: Connection, trials: set[int]) -> dict[_TrialSeed, int]:
    """The repeat that comes after all there are, removed ones too, by trial and seed."""
    rows = connection.exec_driver_sql(
        f"SELECT trial_id, seed, max(repeat) + 1 FROM run WHERE trial_id IN {ID_LIST}"  # noqa: S608
        " GROUP BY trial_id, seed",
        (bind_ids(trials),),
    )
    return {(trial, seed): repeat for trial, seed, repeat in rows}


def _insert_runs(connection: Connection, fresh: Sequence[tuple[_TrialSeed, int, RunSpec]]) -> None:
    if not fresh:
        return
    now = timestamp_to_text(datetime.now(UTC))
    connection.exec_driver_sql(
        "INSERT INTO run (trial_id, seed, repeat, current, status, name, tags, epochs,"
        " epochs_planned, created_at) VALUES (?, ?, ?, TRUE, 'queued', ?, ?, 0, ?, ?)",
        [
            (
                trial,
                seed,
                repeat,
                replace_invalid_unicode(plan.name) if plan.name else None,
                to_json([replace_invalid_unicode(tag) for tag in plan.tags]),
                plan.epochs,
                now,
            )
            for (trial, seed), repeat, plan in fresh
        ],
    )


def _highest_run_id(connection: Connection) -> int:
    found: int = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM run").scalar_one()
    return found


def _mark_not_current(connection: Connection, run_ids: Sequence[int]) -> None:
    connection.exec_driver_sql(
        f"UPDATE run SET current = FALSE WHERE id IN {ID_LIST}",  # noqa: S608
        (bind_ids(run_ids),),
    )


def _requeue(connection: Connection, run_ids: Sequence[int]) -> None:
    connection.exec_driver_sql(
        "UPDATE run SET status = 'queued', reason = NULL, ended_at = NULL"  # noqa: S608
        f" WHERE id IN {ID_LIST}",
        (bind_ids(run_ids),),
    )


def _clear_stop_requests(connection: Connection, run_ids: Sequence[int]) -> None:
    connection.exec_driver_sql(
        "UPDATE run SET stop_requested_at = NULL"  # noqa: S608
        f" WHERE id IN {ID_LIST} AND stop_requested_at IS NOT NULL",
        (bind_ids(run_ids),),
    )


def _add_names_and_tags(
    connection: Connection, kept: Sequence[tuple[int, RunSpec]], kept_names: Collection[int]
) -> None:
    bind_names = [
        (replace_invalid_unicode(plan.name), number)
        for number, plan in kept
        if plan.name and number not in kept_names
    ]
    if bind_names:
        connection.exec_driver_sql("UPDATE run SET name = ? WHERE id = ?", bind_names)
    tags = [
        (replace_invalid_unicode(tag), number, replace_invalid_unicode(tag))
        for number, plan in kept
        for tag in plan.tags
    ]
    if tags:
        connection.exec_driver_sql(
            "UPDATE run SET tags = json_insert(tags, '$[#]', ?) WHERE id = ?"
            " AND NOT EXISTS (SELECT 1 FROM json_each(run.tags) WHERE value = ?)",
            tags,
        )
