"""Reads from the database what `nnlab export --to` writes of each run."""

from collections.abc import Iterator, Sequence

from nnlab import store
from nnlab.exchange.log_reader import RunDetails
from nnlab.exchange.log_writer import ExportedRun
from nnlab.records import Attempt, Axis, History, Objective, Run, Sample


def exported_runs(db: store.Database, runs: Sequence[Run]) -> tuple[ExportedRun, ...]:
    """The runs with their details; samples are read from the database when they are written.

    Args:
        db: the database; it must stay open until the runs are written.
        runs: the runs, in the order in which they are written.
    """
    ids = [run.id for run in runs]
    objectives = {study.name: study.objective for study in store.all_studies(db)}
    nested = store.nested_settings(db, [run.trial.id for run in runs])
    findings = store.findings(db, ids)
    directions = store.user_directions(db)
    attempts: dict[int, list[Attempt]] = {}
    for attempt in store.attempts_of_runs(db, ids):
        attempts.setdefault(attempt.run_id, []).append(attempt)
    exported = []
    for run in runs:
        of_run = tuple(attempts.get(run.id, ()))
        history = store.history(db, run.id)
        exported.append(
            ExportedRun(
                run=run,
                details=RunDetails(
                    name=run.name,
                    config=nested.get(run.trial.id, run.trial.setting),
                    tags=run.tags,
                    started_at=run.started_at or run.created_at,
                    ended_at=run.ended_at,
                    status=run.status,
                    seed=run.seed,
                    results=run.results,
                    directions={
                        metric: direction
                        for metric, direction in directions.items()
                        if metric in history.curves and direction != "none"
                    },
                    command=of_run[-1].command if of_run else None,
                    project=run.trial.study,
                    host=of_run[-1].hostname if of_run else None,
                ),
                samples=_SampleSource(db, run, history),
                objective=objectives.get(run.trial.study) or _objective_of_setting(run),
                findings=findings.get(run.id, ()),
                attempts=of_run,
                history=history,
            )
        )
    return tuple(exported)


def _objective_of_setting(run: Run) -> Objective | None:
    """The objective of a run that nnlab trained, if its study has none."""
    text = run.trial.setting.get("objective")
    if run.origin.is_external or not isinstance(text, str):
        return None
    try:
        return Objective.parse(text)
    except ValueError:
        return None


class _SampleSource:
    """The samples of a run in the order of their log calls, each time it is called."""

    def __init__(self, db: store.Database, run: Run, history: History) -> None:
        self._db, self._run, self._history = db, run, history

    def __call__(self) -> Iterator[tuple[int, Sample]]:
        stored = store.iterate_samples(self._db, self._run.id)
        first = next(stored, None)
        if first is None:  # nnlab trained the run, or an earlier version imported its curves
            yield from point_samples(self._history, self._run.axis)
            return
        yield first
        yield from stored


def point_samples(history: History, axis: Axis) -> Iterator[tuple[int, Sample]]:
    """The points of all curves as samples, in the order of epochs or steps."""
    positions: dict[int, list[tuple[str, float]]] = {}
    for name, curve in history.curves.items():
        for position, value in curve:
            positions.setdefault(position, []).append((name, value))
    for seq, position in enumerate(sorted(positions)):
        epoch = float(position) if axis == "epoch" else None
        for name, value in positions[position]:
            yield seq, Sample(name, value, position, epoch)
