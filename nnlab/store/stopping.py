"""Asks runs to stop, from any process: who trains one sees it with the next epoch it writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from nnlab.records import Status
from nnlab.store.connect import Database
from nnlab.store.liveness import Observer
from nnlab.store.rows import IDS, PLACE, PLACE_JOIN, ids
from nnlab.store.text import moment_to_text

# What a run that was stopped this way says of itself.
STOPPED = "stopped by nnlab stop"


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The numbers of the runs that a request met, by how they stood.

    Those `running` will end after their epoch, those `held` wait and are not taken up, and those
    that are `over` had nothing left to stop.
    """

    running: tuple[int, ...]
    held: tuple[int, ...]
    over: tuple[int, ...]


def request_stop(db: Database, run_ids: Iterable[int]) -> StopRequested:
    """Asks runs to stop; nobody takes one of them up until `enqueue` clears the request.

    A run that was asked already stays asked; one that has ended is left as it is.
    """
    observer = Observer.here()
    now = moment_to_text(datetime.now(UTC))
    stand: dict[bool | None, list[int]] = {True: [], False: [], None: []}
    with db.write() as connection:
        rows = connection.exec_driver_sql(
            f"SELECT run.id, {PLACE} FROM run {PLACE_JOIN}"  # noqa: S608
            f" WHERE run.id IN {IDS} AND run.removed_at IS NULL ORDER BY run.id",
            (ids(run_ids),),
        )
        for number, *place in rows:
            stand[_trains(observer.status(*place))].append(number)
        connection.exec_driver_sql(
            "UPDATE run SET stop_requested_at = coalesce(stop_requested_at, ?)"  # noqa: S608
            f" WHERE id IN {IDS}",
            (now, ids(stand[True] + stand[False])),
        )
    return StopRequested(tuple(stand[True]), tuple(stand[False]), tuple(stand[None]))


def _trains(status: Status) -> bool | None:
    """True while it is trained, False while it waits, None once there is nothing to stop."""
    match status:
        case Status.RUNNING:
            return True
        case Status.QUEUED | Status.INTERRUPTED:
            return False
        case _:
            return None
