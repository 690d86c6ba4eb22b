"""Requests to stop runs: a worker sees the request when it writes the run's next epoch."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, literal, select, update

from nnlab.records import Status
from nnlab.store.constructs import in_ids
from nnlab.store.database import Database
from nnlab.store.liveness import Observer
from nnlab.store.remote_callable import remote_callable
from nnlab.store.rows import WORKER_COLUMNS, join_worker
from nnlab.store.serialization import timestamp_to_text
from nnlab.store.tables import Timestamp, run

# The stored reason of a run that was stopped by such a request.
STOPPED_REASON = "stopped by nnlab stop"


@dataclass(frozen=True, slots=True)
class StopResult:
    """The ids of the runs of a request, by their status before it.

    `ending` runs will end after their current epoch, `waiting` runs are waiting and will not be
    claimed, `already_ended` runs had ended already.
    """

    ending: tuple[int, ...]
    waiting: tuple[int, ...]
    already_ended: tuple[int, ...]


def request_stop(db: Database, run_ids: Iterable[int]) -> StopResult:
    """Requests that runs stop; none of them is claimed until `enqueue` clears the request.

    The request is kept for a run that was asked before, and has no effect on one that has ended.
    """
    observer = Observer.local()
    running: list[int] = []
    waiting: list[int] = []
    ended: list[int] = []
    with db.write() as connection:
        rows = connection.execute(
            select(run.c.id, *WORKER_COLUMNS)
            .select_from(join_worker(run))
            .where(in_ids(run.c.id, run_ids), run.c.removed_at.is_(None))
            .order_by(run.c.id)
        )
        for run_id, *worker in rows:
            match observer.status(*worker):
                case Status.RUNNING:
                    running.append(run_id)
                case Status.QUEUED | Status.INTERRUPTED:
                    waiting.append(run_id)
                case _:
                    ended.append(run_id)
        now = timestamp_to_text(datetime.now(UTC))
        connection.execute(
            update(run)
            .where(in_ids(run.c.id, running + waiting))
            .values(
                stop_requested_at=func.coalesce(run.c.stop_requested_at, literal(now, Timestamp()))
            )
        )
    return StopResult(tuple(running), tuple(waiting), tuple(ended))


@remote_callable
def is_stop_requested(db: Database, run_id: int) -> bool:
    """Whether `nnlab stop` was called for a running run."""
    with db.read() as connection:
        statement = select(run.c.stop_requested_at).where(run.c.id == run_id)
        return connection.execute(statement).scalar() is not None
