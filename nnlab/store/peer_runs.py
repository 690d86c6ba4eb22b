"""The runs that a pruner compares a run with while it is trained."""

import math
from dataclasses import dataclass

from sqlalchemy import and_, case, func, select
from sqlalchemy.engine import Connection

from nnlab.records import Run
from nnlab.store.constructs import cross_join, is_valid_json, json_field
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.remote_callable import remote_callable
from nnlab.store.tables import metric as metric_table
from nnlab.store.tables import point, study, trial
from nnlab.store.tables import run as run_table

_pruner = case((is_valid_json(study.c.sampler), json_field(study.c.sampler, "options.pruner")))


@dataclass(frozen=True, slots=True)
class PeerValue:
    """What a run of another trial of the same study with the same seed measured in an epoch.

    `value` may be NaN, and is None if the run has no value for the epoch; `complete` says whether
    the run has ended without being pruned.
    """

    value: float | None
    complete: bool


@remote_callable
def find_pruner(db: Database, run: Run) -> str | None:
    """The name of the pruner of the study that a run belongs to."""
    with db.read() as connection:
        pruner: str | None = connection.execute(
            select(_pruner)
            .select_from(trial.join(study, study.c.id == trial.c.study_id))
            .where(trial.c.id == run.trial.id)
        ).scalar_one()
        return pruner


@remote_callable
def peer_runs(db: Database, run: Run, *, metric: str, epoch: int) -> tuple[PeerValue, ...]:
    """The values at an epoch of the current runs of the study's other trials with the same seed."""
    own_trial = trial.alias("own_trial")
    metric_id = select(metric_table.c.id).where(metric_table.c.name == metric).scalar_subquery()
    query = (
        select(
            and_(
                run_table.c.status.in_(("finished", "diverged")), run_table.c.pruned_at.is_(None)
            ).label("complete"),
            point.c.run_id.is_not(None).label("measured"),
            point.c.value,
        )
        .select_from(
            own_trial.join(trial, trial.c.study_id == own_trial.c.study_id)
            .join(run_table, run_table.c.trial_id == trial.c.id)
            .outerjoin(
                point,
                and_(
                    point.c.run_id == run_table.c.id,
                    point.c.epoch == epoch,
                    point.c.metric_id == metric_id,
                ),
            )
        )
        .where(
            own_trial.c.id == run.trial.id,
            trial.c.id != own_trial.c.id,
            run_table.c.seed == run.seed,
            run_table.c.current,
        )
        .order_by(run_table.c.id)
    )
    with db.read() as connection:
        return tuple(
            PeerValue((math.nan if value is None else value) if measured else None, bool(complete))
            for complete, measured, value in connection.execute(query)
        )


def count_pruned_runs(db: Database) -> dict[int, int]:
    """The number of pruned current runs of each trial; trials without any are left out."""
    with db.read() as connection:
        return query_pruned_counts(connection)


# From the few studies that have a pruner to their runs.
_PRUNED_COUNTS = DriverStatement(
    lambda: (
        select(trial.c.id, func.count())
        .select_from(cross_join(study, trial, run_table))
        .where(
            _pruner.is_not(None),
            trial.c.study_id == study.c.id,
            run_table.c.trial_id == trial.c.id,
            run_table.c.pruned_at.is_not(None),
            run_table.c.current,
        )
        .group_by(trial.c.id)
    )
)


def query_pruned_counts(connection: Connection) -> dict[int, int]:
    """The same as `count_pruned_runs`, inside a transaction."""
    return {int(trial_id): int(count) for trial_id, count in _PRUNED_COUNTS.fetch(connection)}
