"""The runs that a run is compared with while it is trained."""

import math
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from nnlab.records import Run
from nnlab.store.database import Database
from nnlab.store.remote_callable import remote_callable


@dataclass(frozen=True, slots=True)
class PeerRun:
    """The run of another trial of the same study with the same seed.

    `value` is what it measured in the epoch asked for, NaN allowed, None where it has not come
    there; `complete` says that it has ended and was not pruned.
    """

    value: float | None
    complete: bool


@remote_callable
def find_pruner(db: Database, run: Run) -> str | None:
    """The pruner of the study that a run belongs to."""
    with db.read() as connection:
        found: str | None = connection.exec_driver_sql(
            "SELECT CASE WHEN json_valid(study.sampler) THEN"
            " json_extract(study.sampler, '$.options.pruner') END"
            " FROM trial JOIN study ON study.id = trial.study_id WHERE trial.id = ?",
            (run.trial.id,),
        ).scalar_one()
        return found


@remote_callable
def peer_runs(db: Database, run: Run, *, metric: str, epoch: int) -> tuple[PeerRun, ...]:
    """The current runs of the other trials with the run's seed, and what they measured then."""
    with db.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT other.status IN ('finished', 'diverged') AND other.pruned_at IS NULL,"
            " point.run_id IS NOT NULL, point.value"
            " FROM trial AS mine JOIN trial ON trial.study_id = mine.study_id"
            " JOIN run AS other ON other.trial_id = trial.id"
            " LEFT JOIN point ON point.run_id = other.id AND point.epoch = ?"
            " AND point.metric_id = (SELECT id FROM metric WHERE name = ?)"
            " WHERE mine.id = ? AND trial.id != mine.id AND other.seed = ? AND other.current"
            " ORDER BY other.id",
            (epoch, metric, run.trial.id, run.seed),
        )
        return tuple(
            PeerRun((math.nan if value is None else value) if measured else None, bool(complete))
            for complete, measured, value in rows
        )


def count_pruned_runs(db: Database) -> dict[int, int]:
    """How many current runs of each trial were pruned; trials without any are left out."""
    with db.read() as connection:
        return query_pruned_counts(connection)


def query_pruned_counts(connection: Connection) -> dict[int, int]:
    """As `count_pruned_runs`; only studies that have a pruner are looked at."""
    # CROSS JOIN keeps SQLite to the order written: there are few studies.
    rows = connection.exec_driver_sql(
        "SELECT trial.id, count(*) FROM study CROSS JOIN trial CROSS JOIN run"
        " WHERE CASE WHEN json_valid(study.sampler) THEN"
        " json_extract(study.sampler, '$.options.pruner') END IS NOT NULL"
        " AND trial.study_id = study.id AND run.trial_id = trial.id"
        " AND run.pruned_at IS NOT NULL AND run.current GROUP BY trial.id"
    )
    return {int(trial_id): int(count) for trial_id, count in rows}
