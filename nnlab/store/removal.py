"""Marks runs and studies as removed, and restores them; no row is deleted here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, Table, and_, func, or_, select, union_all, update
from sqlalchemy.engine import Connection

from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import Status
from nnlab.store.constructs import in_ids
from nnlab.store.database import Database
from nnlab.store.liveness import Observer
from nnlab.store.rows import WORKER_COLUMNS, join_worker
from nnlab.store.serialization import timestamp_to_text
from nnlab.store.tables import gate, run, study, trial


@dataclass(frozen=True, slots=True)
class Removal:
    """The ids of the studies and runs that were removed or restored."""

    study_ids: tuple[int, ...]
    run_ids: tuple[int, ...]


def remove(db: Database, *, study_ids: Iterable[int], run_ids: Iterable[int]) -> Removal:
    """Marks studies with all their runs and their ledger, and single runs, as removed.

    Removed runs are not listed, counted or claimed. If a removed run was the newest repeat of its
    trial and seed, the repeat before it becomes current again.

    Raises:
        UsageError: one of the runs is being trained.
    """
    with db.write() as connection:
        studies = _query_ids(
            connection,
            select(study.c.id).where(study.c.removed_at.is_(None), in_ids(study.c.id, study_ids)),
        )
        runs = _query_ids(
            connection,
            select(run.c.id)
            .join(trial, trial.c.id == run.c.trial_id)
            .where(
                run.c.removed_at.is_(None),
                or_(in_ids(run.c.id, run_ids), in_ids(trial.c.study_id, studies)),
            ),
        )
        _check_none_running(connection, runs)
        now = timestamp_to_text(datetime.now(UTC))
        entries = _query_ids(
            connection,
            select(gate.c.id).where(gate.c.removed_at.is_(None), in_ids(gate.c.study_id, studies)),
        )
        _set_removed_at(connection, study, studies, now)
        _set_removed_at(connection, gate, entries, now)
        _set_removed_at(connection, run, runs, now)
        _update_current(connection, runs)
    return Removal(tuple(studies), tuple(runs))


def restore(db: Database, *, study_ids: Iterable[int], run_ids: Iterable[int]) -> Removal:
    """Undoes removals; runs that were trained in the meantime are kept.

    A removed study is restored with the runs that were removed together with it; a study that was
    not removed gets all its removed runs back. Restoring a run also restores its study.
    """
    with db.write() as connection:
        runs = _query_ids(
            connection,
            select(run.c.id)
            .select_from(
                run.join(trial, trial.c.id == run.c.trial_id).join(
                    study, study.c.id == trial.c.study_id
                )
            )
            .where(
                run.c.removed_at.is_not(None),
                or_(
                    in_ids(run.c.id, run_ids),
                    and_(
                        in_ids(study.c.id, study_ids),
                        run.c.removed_at == func.coalesce(study.c.removed_at, run.c.removed_at),
                    ),
                ),
            ),
        )
        studies_of_runs = (
            select(trial.c.study_id)
            .join(run, run.c.trial_id == trial.c.id)
            .where(in_ids(run.c.id, runs))
        )
        studies = _query_ids(
            connection,
            select(study.c.id).where(
                study.c.removed_at.is_not(None),
                or_(in_ids(study.c.id, study_ids), study.c.id.in_(studies_of_runs)),
            ),
        )
        # The ledger that was removed together with its study, not one that was removed before. The
        # study may be in use again; then its runs tell when it was removed.
        times_of_runs = (
            select(run.c.removed_at)
            .join(trial, trial.c.id == run.c.trial_id)
            .where(in_ids(run.c.id, runs), trial.c.study_id == gate.c.study_id)
            .scalar_subquery()
        )
        entries = _query_ids(
            connection,
            select(gate.c.id)
            .join(study, study.c.id == gate.c.study_id)
            .where(
                or_(
                    and_(in_ids(study.c.id, studies), gate.c.removed_at == study.c.removed_at),
                    gate.c.removed_at.in_(times_of_runs),
                )
            ),
        )
        _set_removed_at(connection, study, studies, None)
        _set_removed_at(connection, gate, entries, None)
        _set_removed_at(connection, run, runs, None)
        _update_current(connection, runs)
    return Removal(tuple(studies), tuple(runs))


def last_removal(db: Database) -> Removal:
    """The newest removal: everything that was removed at that time; empty if nothing is removed."""
    removed = union_all(select(run.c.removed_at), select(study.c.removed_at)).subquery("removed")
    with db.read() as connection:
        last = connection.execute(select(func.max(removed.c.removed_at))).scalar_one()
        if last is None:
            return Removal((), ())
        study_ids, run_ids = (
            _query_ids(connection, select(table.c.id).where(table.c.removed_at == last))
            for table in (study, run)
        )
        return Removal(tuple(study_ids), tuple(run_ids))


def _query_ids(connection: Connection, query: Select[Any]) -> list[int]:
    return sorted(connection.execute(query).scalars())


def _set_removed_at(
    connection: Connection, table: Table, ids: Sequence[int], removed_at: str | None
) -> None:
    connection.execute(update(table).where(in_ids(table.c.id, ids)).values(removed_at=removed_at))


def _update_current(connection: Connection, run_ids: Sequence[int]) -> None:
    """Makes the newest repeat that is not removed the current one, for the trials of these runs.

    Runs with unknown seeds are all current: they are no repeats of each other.
    """
    other, selected = run.alias("other"), run.alias("selected")
    newest = (
        select(func.max(other.c.repeat))
        .where(
            other.c.trial_id == run.c.trial_id,
            other.c.seed == run.c.seed,
            other.c.removed_at.is_(None),
        )
        .scalar_subquery()
    )
    connection.execute(
        update(run)
        .where(
            run.c.trial_id.in_(select(selected.c.trial_id).where(in_ids(selected.c.id, run_ids)))
        )
        .values(
            current=and_(
                run.c.removed_at.is_(None),
                or_(run.c.seed.is_(None), run.c.repeat == func.coalesce(newest, -1)),
            )
        )
    )


def running_run_ids(connection: Connection) -> list[int]:
    """The ids of all runs that are being trained, sorted."""
    observer = Observer.local()
    rows = connection.execute(
        select(run.c.id, *WORKER_COLUMNS)
        .select_from(join_worker(run))
        .where(run.c.status == str(Status.RUNNING))
    )
    return sorted(run_id for run_id, *worker in rows if observer.status(*worker) is Status.RUNNING)


def _check_none_running(connection: Connection, run_ids: Sequence[int]) -> None:
    requested = set(run_ids)
    running = [run_id for run_id in running_run_ids(connection) if run_id in requested]
    if running:
        listed = ", ".join(map(str, running[:5])) + (", ..." if len(running) > 5 else "")
        raise UsageError(
            f"{'run' if len(running) == 1 else 'runs'} {listed} cannot be removed while being"
            " trained; nothing was removed",
            hint=f"{quote_command('nnlab', 'stop', *running[:5])}, and then again",
        )
