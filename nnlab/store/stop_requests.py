"""Asks runs to stop, from any process: who trains one sees it with the next epoch it writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from nnlab.records import Status
from nnlab.store.database import Database
from nnlab.store.liveness import Observer
from nnlab.store.rows import ID_LIST, WORKER_COLUMNS, WORKER_JOIN, bind_ids
from nnlab.store.serialization import timestamp_to_text

# What a run that was stopped this way says of itself.
STOPPED_REASON = "stopped by nnlab stop"


@dataclass(frozen=True, slots=True)
class StopResult:
    """The numbers of the runs that a request met, by how they stood.

    Those `running` will end after their epoch, those `held` wait and are not taken up, and those
    that are `over` had nothing left to stop.
    """

    running: tuple[int, ...]
    held: tuple[int, ...]
    over: tuple[int, ...]


def request_stop(db: Database, run_ids: Iterable[int]) -> StopResult:
    """Asks runs to stop; nobody takes one of them up until `enqueue` clears the request.

    A run that was asked already stays asked; one that has ended is left as it is.
    """
    observer = Observer.here()
    now = timestamp_to_text(datetime.now(UTC))
    stand: dict[bool | None, list[int]] = {True: [], False: [], None: []}
    with db.write() as connection:
        rows = connection.exec_driver_sql(
            f"SELECT run.id, {WORKER_COLUMNS} FROM run {WORKER_JOIN}"  # noqa: S608
            f" WHERE run.id IN {ID_LIST} AND run.removed_at IS NULL ORDER BY run.id",
            (bind_ids(run_ids),),
        )
        for number, *place in rows:
            stand[_is_running_or_waiting(observer.status(*place))].append(number)
        connection.exec_driver_sql(
            "UPDATE run SET stop_requested_at = coalesce(stop_requested_at, ?)"  # noqa: S608
            f" WHERE id IN {ID_LIST}",
            (now, bind_ids(stand[True] + stand[False])),
        )
    return StopResult(tuple(stand[True]), tuple(stand[False]), tuple(stand[None]))


def _is_running_or_waiting(status: Status) -> bool | None:
    """True while it is trained, False while it waits, None once there is nothing to stop."""
    match status:
        case Status.RUNNING:
            return True
        case Status.QUEUED | Status.INTERRUPTED:
            return False
        case _:
            return None
