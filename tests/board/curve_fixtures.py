"""Databases with curves for the tests of the board, without training."""

import math
from collections.abc import Mapping, Sequence

from sqlalchemy import update

from nnlab import store
from nnlab.analysis.scope import resolve_scope
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.views.curves import read_data, read_index
from nnlab.records import Curve, Origin, Sample, Setting, Study
from nnlab.settings import digest_of
from nnlab.store.tables import run as run_table

Answer = Mapping[str, object]


def add_study(db: store.Database, name: str = "depth") -> Study:
    """An empty study."""
    return store.create_study(db, name=name, question="", objective=None, space=None, seeds=())


def add_runs(db: store.Database, study: Study, lr: float, seeds: Sequence[int]) -> tuple[int, ...]:
    """The runs of one trial, as if they were finished."""
    setting: Setting = {"lr": lr, "opt": "sgd"}
    specs = [store.RunSpec(setting, digest_of(setting), seed, 3) for seed in seeds]
    ids = store.enqueue(db, study, specs).run_ids
    with db.write() as connection:
        connection.execute(
            update(run_table).where(run_table.c.id.in_(ids)).values(status="finished")
        )
    return ids


def add_curve(
    db: store.Database, run_id: int, values: Sequence[float], metric: str = "val/loss"
) -> None:
    """A curve over the epochs from 1 on."""
    epochs = tuple(range(1, len(values) + 1))
    store.import_curves(db, run_id, [Curve(metric, epochs, tuple(values))])


def append_points(
    db: store.Database, run_id: int, values: Sequence[float], metric: str = "val/loss"
) -> None:
    """More values at the end of a curve."""
    with db.write() as connection:
        metric_id, last, count = connection.exec_driver_sql(
            "SELECT metric_id, last_epoch, n FROM summary JOIN metric ON metric.id = metric_id"
            f" WHERE run_id = {run_id} AND name = '{metric}'"
        ).one()
        rows = [
            (run_id, metric_id, last + 1 + i, None if math.isnan(value) else value)
            for i, value in enumerate(values)
        ]
        db.insert(connection, "point", ("run_id", "metric_id", "epoch", "value"), rows)
        connection.exec_driver_sql(
            f"UPDATE summary SET n = {count + len(rows)}, last_epoch = {last + len(rows)}"
            f" WHERE run_id = {run_id} AND metric_id = {metric_id}"
        )


def add_external_run(db: store.Database, calls: Sequence[Sequence[Sample]], seed: int = 0) -> int:
    """A run of another program that made these log calls."""
    spec = store.ExternalRunSpec("logged", {"lr": 0.1}, Origin.RECORDED, seed)
    run = store.create_external_run(db, spec)
    writer = store.SampleWriter(db, run.id)
    for call in calls:
        writer.log(call)
    with db.write() as connection:
        connection.execute(
            update(run_table).where(run_table.c.id == run.id).values(status="finished")
        )
    return run.id


def context_of(db: store.Database, *names: str) -> BoardContext:
    """A board of the database, or of some studies or runs."""
    return BoardContext(db, resolve_scope(db, list(names) or None))


def index_of(context: BoardContext, **parameters: str) -> Answer:
    return read_index(context, Parameters(parameters))


def data_of(context: BoardContext, **parameters: str) -> Answer:
    return read_data(context, Parameters(parameters))
