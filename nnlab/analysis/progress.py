"""What `nnlab watch` shows at one moment, read from the database in a few quick queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nnlab import store
from nnlab.analysis.comparable import comparable_groups
from nnlab.analysis.scope import Scope
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.records import Objective, Run, Status, Study, Trial

# So many runs that failed last are shown.
_MAX_FAILURES = 5

LOSS_METRIC = "train/loss"


@dataclass(frozen=True, slots=True)
class BestTrial:
    """The trial that leads among the newest comparable ones, by the mean over `seeds` runs."""

    trial: str
    value: float
    seeds: int


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    """How things stand: `running` and `failures` have a row a run, with JSON's keys."""

    at: datetime
    title: str
    study: str | None
    objective: Objective
    progress: store.Progress
    running: tuple[Mapping[str, Any], ...]
    failures: tuple[Mapping[str, Any], ...]
    best: BestTrial | None

    @property
    def failed(self) -> int:
        """How many runs failed."""
        return self.progress.by_status.get(Status.FAILED, 0)


def take_snapshot(db: store.Database, name: str | None) -> ProgressSnapshot:
    """How a study, or (without a name) all of them, stand now.

    Raises:
        UnknownName: there is no study of that name.
        UsageError: it was removed.
    """
    study = store.find_study(db, name) if name is not None else None
    scope = None if study is None else (study.id,)
    found = store.progress(db, study_ids=scope, failures=_MAX_FAILURES)
    newest = comparable_groups(db, _watched_scope(db, study))[0]
    objective = newest.objective
    leading = _best_trial(db, objective, newest.scope)
    trials = [run.trial for run in (*found.working, *found.failures)]
    fields = _label_fields(study, [*trials, *([leading[0]] if leading else [])])
    return ProgressSnapshot(
        at=datetime.now(UTC),
        title=name or db.address.shown,
        study=name,
        objective=objective,
        progress=found,
        running=_running_rows(db, found.working, objective, fields),
        failures=tuple(_failure_row(run, fields) for run in found.failures),
        best=None
        if leading is None
        else BestTrial(
            setting_label(leading[0].setting, fields), leading[1].mean, len(leading[1].results)
        ),
    )


def snapshot_json(snapshot: ProgressSnapshot) -> Mapping[str, Any]:
    """With stable keys (docs/formats.md)."""
    found, best = snapshot.progress, snapshot.best
    return {
        "at": snapshot.at.isoformat(),
        "study": snapshot.study,
        "done": found.done,
        "runs": found.runs,
        **{str(status): found.by_status.get(status, 0) for status in Status},
        "held": found.held,
        "epochs": found.epochs,
        "epochs_planned": found.epochs_planned,
        "epochs_per_second": found.speed,
        "seconds_left": found.seconds_left,
        "metric": snapshot.objective.metric,
        "direction": snapshot.objective.direction,
        "best": None
        if best is None
        else {"trial": best.trial, "value": best.value, "seeds": best.seeds},
        "in_progress": list(snapshot.running),
        "failures": list(snapshot.failures),
    }


def _watched_scope(db: store.Database, study: Study | None) -> Scope:
    """The study, or everything."""
    if study is None:
        return Scope(db.address.shown)
    return Scope(study.name, studies=(study.id,), objective=study.objective)


def _best_trial(
    db: store.Database, objective: Objective, scope: Scope
) -> tuple[Trial, store.RankedTrial] | None:
    ranked = store.rank_trials(
        db,
        metric=objective.metric,
        direction=objective.direction,
        study_ids=scope.studies,
        run_ids=scope.runs,
        top=1,
    )
    if not ranked:
        return None
    return store.trials(db, [ranked[0].trial_id])[ranked[0].trial_id], ranked[0]


def _label_fields(study: Study | None, trials: Sequence[Trial]) -> tuple[str, ...]:
    """What tells the study's trials apart; without a space, what tells those shown apart."""
    space = (study.space if study else None) or {}
    varied = [name for name, values in space.items() if len(values) > 1]
    return tuple(varied) or distinguishing_fields([trial.setting for trial in trials])


def _running_rows(
    db: store.Database, runs: Sequence[Run], objective: Objective, fields: Sequence[str]
) -> tuple[Mapping[str, Any], ...]:
    metrics = (LOSS_METRIC, objective.metric)
    measured = store.summaries(db, [run.id for run in runs], metrics)
    rows = []
    for run in runs:
        last = {name: one.last for name, one in measured.get(run.id, {}).items()}
        rows.append(
            {
                **_run_columns(run, fields),
                "epochs": run.epochs,
                "epochs_planned": run.epochs_planned,
                "loss": last.get(LOSS_METRIC),
                "objective": last.get(objective.metric),
                "stopping": run.stop_requested_at is not None,
            }
        )
    return tuple(rows)


def _failure_row(run: Run, fields: Sequence[str]) -> Mapping[str, Any]:
    return {**_run_columns(run, fields), "status": str(run.status), "reason": run.reason}


def _run_columns(run: Run, fields: Sequence[str]) -> dict[str, Any]:
    return {
        "run": run.id,
        "study": run.trial.study,
        "trial": setting_label(run.trial.setting, fields),
        "seed": run.seed,
    }
