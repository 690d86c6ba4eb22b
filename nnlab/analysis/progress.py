"""The progress of a study or database that `nnlab watch` shows, read in a few fast queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nnlab import store
from nnlab.analysis.arm_labels import load_arms, trial_labels
from nnlab.analysis.comparable import comparable_groups
from nnlab.analysis.scope import Scope
from nnlab.records import Objective, Run, Status, Study, Trial
from nnlab.settings.setting_differences import distinguishing_fields, setting_label

# The number of failed runs that are shown, newest first.
_MAX_FAILURES = 5

LOSS_METRIC = "train/loss"


@dataclass(frozen=True, slots=True)
class BestTrial:
    """The best trial of the newest comparable group, by its mean over `seeds` runs."""

    trial: str
    value: float
    seeds: int


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    """The progress at the time `at`; `running` and `failures` hold one JSON object per run."""

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
        """The number of failed runs."""
        return self.progress.by_status.get(Status.FAILED, 0)


def take_snapshot(db: store.Database, name: str | None) -> ProgressSnapshot:
    """The progress of a study now, or of the whole database without a name.

    Raises:
        UnknownName: there is no study of that name.
        UsageError: the study was removed.
    """
    study = store.find_study(db, name) if name is not None else None
    scope = None if study is None else (study.id,)
    progress = store.progress(db, study_ids=scope, failures=_MAX_FAILURES)
    newest = comparable_groups(db, _watched_scope(db, study))[0]
    objective = newest.objective
    ranked_best = _best_trial(db, objective, newest.scope)
    trials = [run.trial for run in (*progress.running_runs, *progress.failed_runs)]
    trials += [] if ranked_best is None else [ranked_best[0]]
    labels = _trial_labels(db, study, trials, objective)
    best = None
    if ranked_best is not None:
        trial, ranked = ranked_best
        best = BestTrial(labels[trial.id], ranked.mean, len(ranked.results))
    return ProgressSnapshot(
        at=datetime.now(UTC),
        title=name or db.address.display_name,
        study=name,
        objective=objective,
        progress=progress,
        running=_running_rows(db, progress.running_runs, objective, labels),
        failures=tuple(_failure_row(run, labels) for run in progress.failed_runs),
        best=best,
    )


def snapshot_json(snapshot: ProgressSnapshot) -> Mapping[str, Any]:
    """The snapshot as a JSON object with stable keys (docs/formats.md)."""
    progress, best = snapshot.progress, snapshot.best
    return {
        "at": snapshot.at.isoformat(),
        "study": snapshot.study,
        "done": progress.is_finished,
        "runs": progress.run_count,
        **{str(status): progress.by_status.get(status, 0) for status in Status},
        "held": progress.stopped_waiting,
        "epochs": progress.epochs_done,
        "epochs_planned": progress.epochs_planned,
        "epochs_per_second": progress.epochs_per_second,
        "seconds_left": progress.seconds_left,
        "metric": snapshot.objective.metric,
        "direction": snapshot.objective.direction,
        "best": None
        if best is None
        else {"trial": best.trial, "value": best.value, "seeds": best.seeds},
        "in_progress": list(snapshot.running),
        "failures": list(snapshot.failures),
    }


def _watched_scope(db: store.Database, study: Study | None) -> Scope:
    """The scope of the study, or of the whole database."""
    if study is None:
        return Scope(db.address.display_name)
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


def _trial_labels(
    db: store.Database, study: Study | None, trials: Sequence[Trial], objective: Objective
) -> Mapping[int, str]:
    """The labels of trials by their ids: their arms, or the fields that the study's space varies.

    Without a space, they are the fields in which the trials differ.
    """
    arms = load_arms(db)
    if any(map(arms.arm_of, trials)):
        # Trials of the same arm that are not shown distinguish those that are.
        ranked = store.rank_trials(
            db,
            metric=objective.metric,
            direction=objective.direction,
            study_ids=None if study is None else (study.id,),
        )
        peers = store.trials(db, [trial.trial_id for trial in ranked]).values()
        return trial_labels([*trials, *peers], arms)
    space = (study.space if study else None) or {}
    varied = [name for name, values in space.items() if len(values) > 1]
    fields = tuple(varied) or distinguishing_fields([trial.setting for trial in trials])
    return {trial.id: setting_label(trial.setting, fields) for trial in trials}


def _running_rows(
    db: store.Database, runs: Sequence[Run], objective: Objective, labels: Mapping[int, str]
) -> tuple[Mapping[str, Any], ...]:
    metrics = (LOSS_METRIC, objective.metric)
    measured = store.summaries(db, [run.id for run in runs], metrics)
    rows = []
    for run in runs:
        last = {name: summary.last for name, summary in measured.get(run.id, {}).items()}
        rows.append(
            {
                **_run_columns(run, labels),
                "epochs": run.epochs,
                "epochs_planned": run.epochs_planned,
                "axis": run.axis,
                "loss": last.get(LOSS_METRIC),
                "objective": last.get(objective.metric),
                "stopping": run.stop_requested_at is not None,
            }
        )
    return tuple(rows)


def _failure_row(run: Run, labels: Mapping[int, str]) -> Mapping[str, Any]:
    return {**_run_columns(run, labels), "status": str(run.status), "reason": run.reason}


def _run_columns(run: Run, labels: Mapping[int, str]) -> dict[str, Any]:
    return {
        "run": run.id,
        "study": run.trial.study,
        "trial": labels[run.trial.id],
        "seed": run.seed,
    }
