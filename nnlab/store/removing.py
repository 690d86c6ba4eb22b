"""Takes runs and studies out of sight, and brings them back: no row is deleted here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.engine import Connection

from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import Status
from nnlab.store.connect import Database
from nnlab.store.liveness import Observer
from nnlab.store.rows import IDS, PLACE, PLACE_JOIN, ids
from nnlab.store.text import moment_to_text


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
        studies = _ids(
            connection,
            f"SELECT id FROM study WHERE removed_at IS NULL AND id IN {IDS}",  # noqa: S608
            (ids(study_ids),),
        )
        runs = _ids(
            connection,
            f"{_RUNS_OF} WHERE run.removed_at IS NULL"
            f" AND (run.id IN {IDS} OR trial.study_id IN {IDS})",
            (ids(run_ids), ids(studies)),
        )
        _refuse_running(connection, runs)
        now = moment_to_text(datetime.now(UTC))
        _mark(connection, "study", studies, now)
        _mark(connection, "run", runs, now)
        _settle_current(connection, runs)
    return Removal(tuple(studies), tuple(runs))


def bring_back(db: Database, *, study_ids: Iterable[int], run_ids: Iterable[int]) -> Removal:
    """Undoes removals: all is as it was, but for what was trained in the meantime.

    A removed study comes back with the runs that were removed with it, one that is there with
    all that were removed of it; a run brings its study back.
    """
    with db.write() as connection:
        runs = _ids(
            connection,
            f"{_RUNS_OF} JOIN study ON study.id = trial.study_id"
            f" WHERE run.removed_at IS NOT NULL AND (run.id IN {IDS} OR study.id IN {IDS}"
            " AND run.removed_at = coalesce(study.removed_at, run.removed_at))",
            (ids(run_ids), ids(study_ids)),
        )
        studies = _ids(
            connection,
            f"SELECT id FROM study WHERE removed_at IS NOT NULL AND (id IN {IDS}"  # noqa: S608
            " OR id IN (SELECT trial.study_id FROM trial JOIN run ON run.trial_id = trial.id"
            f" WHERE run.id IN {IDS}))",
            (ids(study_ids), ids(runs)),
        )
        _mark(connection, "study", studies, None)
        _mark(connection, "run", runs, None)
        _settle_current(connection, runs)
    return Removal(tuple(studies), tuple(runs))


def last_removal(db: Database) -> Removal:
    """What was removed last and together; empty where nothing is removed."""
    with db.read() as connection:
        last = connection.exec_driver_sql(
            "SELECT max(removed_at) FROM (SELECT removed_at FROM run"
            " UNION ALL SELECT removed_at FROM study) AS removed"
        ).scalar_one()
        found = (
            _ids(connection, f"SELECT id FROM {table} WHERE removed_at = ?", (last,))  # noqa: S608
            for table in ("study", "run")
        )
        return Removal(*map(tuple, found))


_RUNS_OF = "SELECT run.id FROM run JOIN trial ON trial.id = run.trial_id"


def _ids(connection: Connection, sql: str, bound: tuple[object, ...]) -> list[int]:
    return sorted(number for (number,) in connection.exec_driver_sql(sql, bound))


def _mark(connection: Connection, table: str, numbers: Sequence[int], at: str | None) -> None:
    connection.exec_driver_sql(
        f"UPDATE {table} SET removed_at = ? WHERE id IN {IDS}",  # noqa: S608
        (at, ids(numbers)),
    )


def _settle_current(connection: Connection, run_ids: Sequence[int]) -> None:
    """Makes the newest repeat that is not removed the current one, for the trials of these runs."""
    connection.exec_driver_sql(
        "UPDATE run SET current = removed_at IS NULL AND repeat = (SELECT max(other.repeat)"  # noqa: S608
        " FROM run AS other WHERE other.trial_id = run.trial_id AND other.seed = run.seed"
        " AND other.removed_at IS NULL)"
        f" WHERE trial_id IN (SELECT trial_id FROM run WHERE id IN {IDS})",
        (ids(run_ids),),
    )


def trained_now(connection: Connection) -> list[int]:
    """The numbers of all runs that somebody trains."""
    observer = Observer.here()
    rows = connection.exec_driver_sql(
        f"SELECT run.id, {PLACE} FROM run {PLACE_JOIN} WHERE run.status = 'running'"  # noqa: S608
    )
    return sorted(number for number, *place in rows if observer.status(*place) is Status.RUNNING)


def _refuse_running(connection: Connection, run_ids: Sequence[int]) -> None:
    wanted = set(run_ids)
    running = [number for number in trained_now(connection) if number in wanted]
    if running:
        told = ", ".join(map(str, running[:5])) + (", ..." if len(running) > 5 else "")
        raise UsageError(
            f"{'run' if len(running) == 1 else 'runs'} {told} cannot be removed while being"
            " trained; nothing was removed",
            hint=f"{quote_command('nnlab', 'stop', *running[:5])}, and then again",
        )
