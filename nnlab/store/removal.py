"""Takes runs and studies out of sight, and brings them back: no row is deleted here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.engine import Connection

from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import Status
from nnlab.store.database import Database
from nnlab.store.liveness import Observer
from nnlab.store.rows import ID_LIST, WORKER_COLUMNS, WORKER_JOIN, bind_ids
from nnlab.store.serialization import timestamp_to_text


@dataclass(frozen=True, slots=True)
class Removal:
    """The numbers of the studies and runs that were removed, or brought back."""

    studies: tuple[int, ...]
    runs: tuple[int, ...]


def remove(db: Database, *, study_ids: Iterable[int], run_ids: Iterable[int]) -> Removal:
    """Marks studies, with all their runs, and single runs as removed.

    Nothing lists or counts them any more, and nobody takes them up; where a run was the newest
    repeat of its trial and seed, the one before it is current again.

    Raises:
        UsageError: one of the runs is trained right now.
    """
    with db.write() as connection:
        studies = _query_ids(
            connection,
            f"SELECT id FROM study WHERE removed_at IS NULL AND id IN {ID_LIST}",  # noqa: S608
            (bind_ids(study_ids),),
        )
        runs = _query_ids(
            connection,
            f"{_SELECT_RUN_IDS} WHERE run.removed_at IS NULL"
            f" AND (run.id IN {ID_LIST} OR trial.study_id IN {ID_LIST})",
            (bind_ids(run_ids), bind_ids(studies)),
        )
        _check_none_running(connection, runs)
        now = timestamp_to_text(datetime.now(UTC))
        _set_removed_at(connection, "study", studies, now)
        _set_removed_at(connection, "run", runs, now)
        _update_current(connection, runs)
    return Removal(tuple(studies), tuple(runs))


def restore(db: Database, *, study_ids: Iterable[int], run_ids: Iterable[int]) -> Removal:
    """Undoes removals: all is as it was, but for what was trained in the meantime.

    A removed study comes back with the runs that were removed with it, one that is there with
    all that were removed of it; a run brings its study back.
    """
    with db.write() as connection:
        runs = _query_ids(
            connection,
            f"{_SELECT_RUN_IDS} JOIN study ON study.id = trial.study_id"
            f" WHERE run.removed_at IS NOT NULL AND (run.id IN {ID_LIST} OR study.id IN {ID_LIST}"
            " AND run.removed_at = coalesce(study.removed_at, run.removed_at))",
            (bind_ids(run_ids), bind_ids(study_ids)),
        )
        studies = _query_ids(
            connection,
            f"SELECT id FROM study WHERE removed_at IS NOT NULL AND (id IN {ID_LIST}"  # noqa: S608
            " OR id IN (SELECT trial.study_id FROM trial JOIN run ON run.trial_id = trial.id"
            f" WHERE run.id IN {ID_LIST}))",
            (bind_ids(study_ids), bind_ids(runs)),
        )
        _set_removed_at(connection, "study", studies, None)
        _set_removed_at(connection, "run", runs, None)
        _update_current(connection, runs)
    return Removal(tuple(studies), tuple(runs))


def last_removal(db: Database) -> Removal:
    """What was removed last and together; empty where nothing is removed."""
    with db.read() as connection:
        last = connection.exec_driver_sql(
            "SELECT max(removed_at) FROM (SELECT removed_at FROM run"
            " UNION ALL SELECT removed_at FROM study) AS removed"
        ).scalar_one()
        found = (
            _query_ids(connection, f"SELECT id FROM {table} WHERE removed_at = ?", (last,))  # noqa: S608
            for table in ("study", "run")
        )
        return Removal(*map(tuple, found))


_SELECT_RUN_IDS = "SELECT run.id FROM run JOIN trial ON trial.id = run.trial_id"


def _query_ids(connection: Connection, sql: str, bound: tuple[object, ...]) -> list[int]:
    return sorted(number for (number,) in connection.exec_driver_sql(sql, bound))


def _set_removed_at(
    connection: Connection, table: str, numbers: Sequence[int], at: str | None
) -> None:
    connection.exec_driver_sql(
        f"UPDATE {table} SET removed_at = ? WHERE id IN {ID_LIST}",  # noqa: S608
        (at, bind_ids(numbers)),
    )


def _update_current(connection: Connection, run_ids: Sequence[int]) -> None:
    """Makes the newest repeat that is not removed the current one, for the trials of these runs."""
    connection.exec_driver_sql(
        "UPDATE run SET current = removed_at IS NULL AND repeat = (SELECT max(other.repeat)"  # noqa: S608
        " FROM run AS other WHERE other.trial_id = run.trial_id AND other.seed = run.seed"
        " AND other.removed_at IS NULL)"
        f" WHERE trial_id IN (SELECT trial_id FROM run WHERE id IN {ID_LIST})",
        (bind_ids(run_ids),),
    )


def running_run_ids(connection: Connection) -> list[int]:
    """The numbers of all runs that somebody trains."""
    observer = Observer.here()
    rows = connection.exec_driver_sql(
        f"SELECT run.id, {WORKER_COLUMNS} FROM run {WORKER_JOIN} WHERE run.status = 'running'"  # noqa: S608
    )
    return sorted(number for number, *place in rows if observer.status(*place) is Status.RUNNING)


def _check_none_running(connection: Connection, run_ids: Sequence[int]) -> None:
    wanted = set(run_ids)
    running = [number for number in running_run_ids(connection) if number in wanted]
    if running:
        told = ", ".join(map(str, running[:5])) + (", ..." if len(running) > 5 else "")
        raise UsageError(
            f"{'run' if len(running) == 1 else 'runs'} {told} cannot be removed while being"
            " trained; nothing was removed",
            hint=f"{quote_command('nnlab', 'stop', *running[:5])}, and then again",
        )
