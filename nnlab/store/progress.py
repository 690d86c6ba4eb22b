"""How far the runs are, how fast they go and which failed: few queries, to be asked each second."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.engine import Connection

from nnlab.records import Run, Status
from nnlab.store.database import Database
from nnlab.store.liveness import Observer
from nnlab.store.queries import scope_conditions, timestamp_or_none
from nnlab.store.row_validation import MAX_EPOCHS, decode_rows, note_unreadable
from nnlab.store.rows import SELECT_RUN, fetch_driver_rows, run_record
from nnlab.store.serialization import timestamp_to_text

# The speed is that of the last minute.
SPEED_WINDOW = timedelta(seconds=60)

# Attempts of a minute are found among so many of the newest.
_MAX_ATTEMPTS = 4096

_WAITING = (Status.QUEUED, Status.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Progress:
    """Current runs: how many stand how, and epochs.

    `held` wait too, but were asked to stop. `epochs_left` are those that are still to be
    trained, without those of held runs; `speed` is in epochs a second, all runs together.
    `failures` are the newest first.
    """

    by_status: Mapping[Status, int]
    held: int
    epochs: int
    epochs_planned: int
    epochs_left: int
    speed: float
    working: tuple[Run, ...]
    failures: tuple[Run, ...]

    @property
    def runs(self) -> int:
        """How many there are."""
        return sum(self.by_status.values())

    @property
    def done(self) -> bool:
        """True when no run is trained and none waits to be, but for those that are held back."""
        waiting = sum(self.by_status.get(status, 0) for status in _WAITING)
        return bool(self.runs) and not self.working and waiting <= self.held

    @property
    def seconds_left(self) -> float | None:
        """At this speed; None where nothing moves."""
        return self.epochs_left / self.speed if self.speed > 0 else None


def progress(
    db: Database,
    *,
    study_ids: Iterable[int] | None,
    failures: int,
    now: datetime | None = None,
) -> Progress:
    """How far the current runs are, of studies or of all.

    Args:
        db: the database.
        study_ids: which studies; None means all.
        failures: so many of the last runs that failed or diverged.
        now: the moment to look back from; None reads the clock.
    """
    observer = Observer.here()
    now = now or datetime.fromtimestamp(observer.now).astimezone()
    where, bound = scope_conditions(study_ids, None)
    with db.read() as connection:
        tally = _RunTotals()
        for status, held, *sums in fetch_driver_rows(
            connection, _COUNTS + where + " GROUP BY 1, 2", bound
        ):
            with note_unreadable(db, "run", f"with the status {status!r}"):
                tally.add(Status(status), bool(held), *sums)
        claimed = _query_runs(db, connection, f"run.status = 'running'{where}", bound, observer)
        for run in claimed:
            held = run.stop_requested_at is not None
            tally.add(run.status, held, 1, run.epochs, run.epochs_planned)
        working = [run for run in claimed if run.status is Status.RUNNING]
        failed = _query_runs(
            db,
            connection,
            f"run.status IN ('failed', 'diverged'){where} ORDER BY run.ended_at DESC LIMIT ?",
            (*bound, failures),
            observer,
        )
        speed = _epochs_per_second(_recent_attempts(connection, where, bound, working, now), now)
    return Progress(
        dict(tally.by_status), tally.held, tally.epochs, tally.planned, tally.left, speed,
        tuple(working), tuple(failed),
    )  # fmt: skip


# Runs that say that they are running are looked at one by one: their worker may be gone.
# Numbers of epochs that are none would overflow the sums.
_COUNTS = f"""
    SELECT run.status, run.stop_requested_at IS NOT NULL, count(*), sum(run.epochs),
        sum(run.epochs_planned)
    FROM trial CROSS JOIN run
    WHERE run.trial_id = trial.id AND run.current AND run.status <> 'running'
        AND run.epochs <= {MAX_EPOCHS} AND run.epochs_planned <= {MAX_EPOCHS}
"""  # noqa: S608


class _RunTotals:
    """Sums over groups of runs."""

    def __init__(self) -> None:
        self.by_status: Counter[Status] = Counter()
        self.held = self.epochs = self.planned = self.left = 0

    def add(self, status: Status, held: bool, runs: int, epochs: int, planned: int) -> None:
        self.by_status[status] += runs
        self.epochs += epochs
        self.planned += planned
        if held and status in _WAITING:
            self.held += runs
        elif not held and status in (*_WAITING, Status.RUNNING):
            self.left += planned - epochs


def _query_runs(
    db: Database, connection: Connection, where: str, bound: Sequence[object], observer: Observer
) -> list[Run]:
    rows = fetch_driver_rows(
        connection, f"{SELECT_RUN} WHERE run.current AND {where}", tuple(bound)
    )
    return list(decode_rows(db, "run", rows, partial(run_record, observer=observer)))


_AttemptSpan = tuple[datetime, datetime, int]  # from, to, epochs


def _recent_attempts(
    connection: Connection,
    where: str,
    bound: Sequence[object],
    working: Sequence[Run],
    now: datetime,
) -> list[_AttemptSpan]:
    """The newest attempt at each run that was worked on within the window."""
    rows = fetch_driver_rows(
        connection,
        "SELECT run.id, attempt.started_at, attempt.ended_at,"  # noqa: S608
        " run.epochs - attempt.first_epoch + 1"
        " FROM attempt CROSS JOIN run CROSS JOIN trial"
        " WHERE run.id = attempt.run_id AND trial.id = run.trial_id"
        f" AND attempt.id > (SELECT max(id) FROM attempt) - {_MAX_ATTEMPTS}"
        f" AND coalesce(attempt.ended_at, ?) >= ?{where} ORDER BY attempt.id",
        (timestamp_to_text(now), timestamp_to_text(now - SPEED_WINDOW), *bound),
    )
    newest = {run_id: rest for run_id, *rest in rows if isinstance(rest[-1], int)}
    trained = {run.id for run in working}
    return [
        (started, timestamp_or_none(ended) or now, epochs)
        for run_id, (text, ended, epochs) in newest.items()
        if (started := timestamp_or_none(text)) is not None and (ended or run_id in trained)
    ]


def _epochs_per_second(spans: Sequence[_AttemptSpan], now: datetime) -> float:
    """Epochs a second within the window: of each attempt the share that lies in it."""
    if not spans:
        return 0.0
    begin = max(min(started for started, _, _ in spans), now - SPEED_WINDOW)
    epochs = 0.0
    for started, ended, count in spans:
        whole = (ended - started).total_seconds()
        inside = (ended - max(started, begin)).total_seconds()
        if whole > 0:
            epochs += max(count, 0) * min(max(inside / whole, 0.0), 1.0)
    elapsed = (now - begin).total_seconds()
    return epochs / elapsed if elapsed > 0 else 0.0
