"""`RunOverview`: a run with its metrics and findings, as `nnlab ls` and the API list runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nnlab import store
from nnlab.analysis.arm_labels import ArmsOfStudies, load_arms, trial_labels
from nnlab.analysis.objectives import objectives_of_runs
from nnlab.analysis.run_epochs import ERROR_METRICS
from nnlab.diagnosis.headlines import table_findings
from nnlab.errors import UnknownName
from nnlab.io.escaping import escape_terminal
from nnlab.io.text import format_seed
from nnlab.records import Finding, MetricSummary, Objective, Origin, Run, Setting, Status


@dataclass(frozen=True, slots=True, repr=False)
class RunOverview:
    """A run, the summary of each of its metrics, and its findings.

    `label` names the fields of its setting that differ from those of the runs listed with it.
    `arm` is the arm of its study that the run belongs to; None if the study has no arms.
    `objective` is the metric that the run is judged by, such as `val/accuracy`; None if no metric
    can be ranked.
    `errors` are the validation errors of a regression at the selected epoch, in the unit of the
    target, by metric.
    """

    run: Run
    label: str
    metrics: Mapping[str, MetricSummary]
    findings: tuple[Finding, ...]
    errors: Mapping[str, float] = field(default_factory=dict)
    objective: str | None = None
    arm: str | None = None

    def __repr__(self) -> str:
        """What distinguishes the run, in a line; its records have some hundred values."""
        trial = f" {self.label!r}" if self.label else ""
        best = f", best {self.objective} {self.best:.5g}" if self.best is not None else ""
        flags = f", {' '.join(self.flags)}" if self.flags else ""
        return escape_terminal(
            f"<run {self.id} of study {self.study!r}:{trial} seed {format_seed(self.seed)},"
            f" {self.status}{best}{flags}>"
        )

    @property
    def id(self) -> int:
        """The number of the run."""
        return self.run.id

    @property
    def study(self) -> str:
        """The name of its study."""
        return self.run.trial.study

    @property
    def setting(self) -> Setting:
        """The resolved setting of its trial."""
        return self.run.trial.setting

    @property
    def seed(self) -> int | None:
        """The seed; None if it is unknown, which is possible for runs of other programs."""
        return self.run.seed

    @property
    def status(self) -> Status:
        """The status."""
        return self.run.status

    @property
    def best(self) -> float | None:
        """The best value of the objective over all epochs; None before the first one."""
        summary = self._objective_summary
        return summary.best if summary else None

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the best value."""
        summary = self._objective_summary
        return summary.best_epoch if summary else None

    @property
    def last(self) -> float | None:
        """The value of the objective after the last epoch; None before the first one."""
        summary = self._objective_summary
        return summary.last if summary else None

    @property
    def flags(self) -> tuple[str, ...]:
        """The codes of the findings that tables show."""
        return tuple(finding.code for finding in table_findings(self.findings))

    @property
    def _objective_summary(self) -> MetricSummary | None:
        return self.metrics.get(self.objective or "")


def load_run_overviews(
    db: store.Database,
    *,
    study: str | None = None,
    status: str | None = None,
    tag: str | None = None,
    origin: str | None = None,
    removed: bool = False,
    limit: int | None = None,
) -> tuple[RunOverview, ...]:
    """The runs that meet all conditions, newest first.

    Args:
        db: the database.
        study: the name of a study.
        status: the effective status, such as `failed`.
        tag: one of the run's tags.
        origin: who trained it, such as `imported`.
        removed: whether to list removed runs only, instead of runs that were not removed.
        limit: the maximum number of runs.

    Raises:
        UnknownName: there is no such study, status or origin.
    """
    if status is not None and status not in list(Status):
        raise UnknownName("status", status, list(Status))
    if origin is not None and origin not in list(Origin):
        raise UnknownName("origin", origin, list(Origin))
    runs = store.runs(
        db,
        study=_study_id(db, study, removed=removed) if study else None,
        status=Status(status) if status else None,
        tag=tag,
        origin=Origin(origin) if origin else None,
        limit=limit,
        newest_first=True,
        removed=removed,
    )
    return overviews_of_runs(db, runs)


def overviews_of_runs(db: store.Database, runs: Sequence[Run]) -> tuple[RunOverview, ...]:
    """The overviews of runs, in the same order."""
    run_ids = [run.id for run in runs]
    summaries = store.summaries(db, run_ids)
    objectives = objectives_of_runs(db, runs, summaries)
    _set_best_objectives(db, objectives, summaries)
    errors = {
        metric: store.values_at_selected_epoch(db, run_ids, metric) for metric in ERROR_METRICS
    }
    findings = store.findings(db, run_ids)
    arms = load_arms(db)
    labels = run_labels(runs, arms)
    return tuple(
        RunOverview(
            run,
            labels[run.id],
            summaries.get(run.id, {}),
            findings.get(run.id, ()),
            {
                metric: values[run.id][1]
                for metric, values in errors.items()
                if run.id in values and not math.isnan(values[run.id][1])
            },
            objectives[run.id].metric if run.id in objectives else None,
            arms.arm_of(run.trial) or None,
        )
        for run in runs
    )


def run_labels(runs: Sequence[Run], arms: ArmsOfStudies) -> dict[int, str]:
    """The arm of each run, or what distinguishes its setting from those of the others.

    A run of another program is distinguished from those of its study: the settings of different
    programs have nothing in common.
    """
    groups: dict[str | None, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.trial.study if run.origin.is_external else None, []).append(run)
    labels: dict[int, str] = {}
    for group in groups.values():
        by_trial = trial_labels((run.trial for run in group), arms)
        labels |= {run.id: by_trial[run.trial.id] for run in group}
    return labels


def _set_best_objectives(
    db: store.Database,
    objectives: Mapping[int, Objective],
    summaries: dict[int, dict[str, MetricSummary]],
) -> None:
    """Replaces the best objectives of runs by the best in the direction of their objective."""
    runs_by_objective: dict[Objective, list[int]] = {}
    for run_id, objective in objectives.items():
        runs_by_objective.setdefault(objective, []).append(run_id)
    for objective, run_ids in runs_by_objective.items():
        best_values = store.best_values(db, run_ids, objective.metric, objective.direction)
        for run_id, (value, epoch) in best_values.items():
            summary = summaries.get(run_id, {}).get(objective.metric)
            if summary is not None:  # a damaged summary cannot be read
                best = replace(summary, best=value, best_epoch=epoch)
                summaries[run_id][objective.metric] = best


def _study_id(db: store.Database, name: str, *, removed: bool) -> int:
    removed_studies = {study.name: study.id for study in store.all_studies(db, removed=True)}
    if removed and name in removed_studies:
        return removed_studies[name]
    return store.find_study(db, name).id
