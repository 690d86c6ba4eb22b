"""The contents of a report, which the modules for HTML, Markdown and LaTeX write."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from nnlab import store
from nnlab.analysis.comparable import ComparableGroup, comparable_groups
from nnlab.analysis.database_id import database_id
from nnlab.analysis.effects import Effects, compute_effects
from nnlab.analysis.ranking import rank_group
from nnlab.analysis.records import Ranking, RankingRequest
from nnlab.analysis.remedy_results import RemedyResult, evaluate_remedies
from nnlab.analysis.remedy_studies import (
    is_remedy_study,
    name_remedies,
    treated_finding,
    treated_run,
)
from nnlab.analysis.sample_noise import has_sample_noise
from nnlab.analysis.scope import Scope, current_runs
from nnlab.analysis.table_ranking import as_table_ranking
from nnlab.analysis.verdict import StudyVerdict, evaluate_claim
from nnlab.diagnosis.headlines import MEMORISATION_CODE, OVERFITTING_CODE, PLATEAU_CODE
from nnlab.errors import UsageError
from nnlab.figures.draw.series import Series
from nnlab.figures.trials import trial_curves_of_ranking, trial_title
from nnlab.io.anonymous import hide_folders
from nnlab.records import Attempt, Environment, Run, Status, Study
from nnlab.report.finding_summaries import (
    FindingSummary,
    HeadlineFinding,
    headline_finding,
    summarise_findings,
)
from nnlab.report.ledger_table import LedgerSummary, ledger_summaries
from nnlab.report.paper_table import PaperTable, build_table
from nnlab.report.summary_sentence import summary_sentence
from nnlab.stats.uncertainty import DEFAULT_UNCERTAINTY, Uncertainty
from nnlab.version import nnlab_version

# `nnlab compare --top 0` shows longer rankings.
MAX_ROWS = 50
# Trials whose curves are drawn; from the 13th on they are grey.
_MAX_CURVES = 60
_ENERGY_METRIC = "energy/joules"


@dataclass(frozen=True, slots=True)
class RemedySummary:
    """A study of remedies for a run of this report, and the result of each remedy."""

    study: str
    run: int
    code: str
    results: tuple[RemedyResult, ...]


@dataclass(frozen=True, slots=True)
class RankedGroup:
    """Comparable runs in a report: their ranking as records and as a table, curves and effects.

    `loss` is the loss with which all of them were trained, None if they differ.
    """

    ranking: Ranking
    table: PaperTable | None
    series: tuple[Series, ...]
    loss: str | None
    effects: Effects | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report of a scope contains.

    `joules` is the energy that the devices reported, None if none did; concurrent runs on one
    device each count its whole energy. `sentence` is the verdict in one sentence. `groups` has an
    entry for each group of comparable runs, the newest first; it is empty without results.
    `database` names the database without its folder, and `database_id` identifies it. An anonymous
    report has no host, commit, folder or name of the database.
    """

    title: str
    studies: tuple[Study, ...]
    sentence: str
    verdicts: tuple[tuple[Study, StudyVerdict], ...]
    groups: tuple[RankedGroup, ...]
    labels: Mapping[int, str]
    findings: tuple[FindingSummary, ...]
    overfits: HeadlineFinding | None
    memorises: HeadlineFinding | None
    plateaus: HeadlineFinding | None
    remedies: tuple[RemedySummary, ...]
    ledgers: tuple[LedgerSummary, ...]
    runs: tuple[Run, ...]
    values: Mapping[int, float]
    attempts: tuple[Attempt, ...]
    joules: float | None
    database: str
    database_id: str
    created_at: str

    @property
    def source(self) -> str:
        """The version of nnlab, the database and the time, for the end of the report."""
        database = ", ".join(filter(None, (self.database, f"id {self.database_id}")))
        return f"Made by nnlab {nnlab_version()} from {database}, {self.created_at}."

    @property
    def headline_cases(self) -> tuple[tuple[str, HeadlineFinding], ...]:
        """The headline findings with their titles, overfitting first."""
        cases = (
            ("Overfitting", self.overfits),
            ("Memorisation", self.memorises),
            ("Validation plateau", self.plateaus),
        )
        return tuple((title, case) for title, case in cases if case is not None)

    def ranking(self) -> Ranking | None:
        """The ranking of the newest group."""
        return self.groups[0].ranking if self.groups else None

    @property
    def table(self) -> PaperTable | None:
        """The table of the newest group."""
        return self.groups[0].table if self.groups else None

    @property
    def series(self) -> tuple[Series, ...]:
        """The curves of the newest group."""
        return self.groups[0].series if self.groups else ()

    @property
    def loss(self) -> str | None:
        """The loss of the newest group, if all its trials share one."""
        return self.groups[0].loss if self.groups else None

    @property
    def effects(self) -> Effects | None:
        """The effects of the settings in the newest group."""
        return self.groups[0].effects if self.groups else None

    @property
    def statuses(self) -> Mapping[Status, int]:
        """The number of runs with each status."""
        return Counter(run.status for run in self.runs)

    @property
    def failed(self) -> tuple[Run, ...]:
        """The runs that failed or diverged."""
        return tuple(run for run in self.runs if run.status in (Status.FAILED, Status.DIVERGED))

    @property
    def failures(self) -> Mapping[tuple[Status, str], tuple[Run, ...]]:
        """The failed and diverged runs by status and reason."""
        groups: dict[tuple[Status, str], tuple[Run, ...]] = {}
        for run in self.failed:
            key = (run.status, run.reason or "no reason recorded")
            groups[key] = (*groups.get(key, ()), run)
        return groups

    @property
    def environments(self) -> tuple[Environment, ...]:
        """The distinct environments in which the runs were executed."""
        environments: list[Environment] = []
        for attempt in self.attempts:
            if attempt.environment is not None and attempt.environment not in environments:
                environments.append(attempt.environment)
        return tuple(environments)

    @property
    def commands(self) -> tuple[str, ...]:
        """The distinct commands, in chronological order."""
        return tuple(dict.fromkeys(attempt.command for attempt in self.attempts))

    @property
    def device_hours(self) -> Mapping[str, float]:
        """The training time on each kind of device, in hours."""
        devices = {a.run_id: a.environment.device for a in self.attempts if a.environment}
        hours: dict[str, float] = {}
        for run in self.runs:
            if run.device_seconds:
                device = devices.get(run.id, "unknown device")
                hours[device] = hours.get(device, 0.0) + run.device_seconds / 3600
        return hours


def build_report(
    db: store.Database,
    scope: Scope,
    *,
    anonymous: bool = False,
    uncertainty: Uncertainty = DEFAULT_UNCERTAINTY,
    sample_noise: bool = False,
) -> Report:
    """Collects the contents of a report; an anonymous one does not reveal who made it.

    `uncertainty` is the number after ± in its tables. `sample_noise` adds the columns of
    `nnlab.analysis.sample_noise` to them.

    Raises:
        UnknownName: the objective of a study was never measured.
    """
    runs = current_runs(db, scope)
    all_studies = store.all_studies(db)
    studies = tuple(study for study in all_studies if study.id in (scope.studies or ()))
    comparable_runs = comparable_groups(db, scope)
    request = RankingRequest(uncertainty=uncertainty, sample_noise=sample_noise)
    rankings = [name_remedies(db, rank_group(db, group, request)) for group in comparable_runs]
    groups = tuple(
        _ranked_group(db, group, _request_of_group(group, request))
        for group, ranking in zip(comparable_runs, rankings, strict=True)
        if ranking.rows
    )
    findings = store.findings(db, [run.id for run in runs])
    attempts = store.attempts_of_runs(db, [run.id for run in runs])
    verdicts = tuple(
        (study, study_verdict)
        for study in studies
        if study.comparisons and (study_verdict := evaluate_claim(db, study)) is not None
    )
    study_names = {run.trial.study for run in runs}
    ledgers = ledger_summaries(
        db, (study for study in all_studies if study.name in study_names), anonymous=anonymous
    )
    has_ledgers = len(ledgers) == len(study_names)
    return Report(
        title=scope.title,
        studies=studies,
        sentence=summary_sentence(
            verdicts, [group.ranking for group in groups], ledgers if has_ledgers else ()
        ),
        verdicts=verdicts,
        groups=groups,
        labels={
            run: trial_title(row, ranking)
            for ranking in rankings
            for row in ranking.rows
            for run in row.runs
        },
        findings=summarise_findings(runs, findings),
        overfits=headline_finding(db, runs, findings, OVERFITTING_CODE),
        memorises=headline_finding(db, runs, findings, MEMORISATION_CODE),
        plateaus=headline_finding(db, runs, findings, PLATEAU_CODE),
        remedies=remedy_summaries(db, all_studies, runs),
        ledgers=ledgers,
        runs=tuple(map(_without_author, runs)) if anonymous else runs,
        values={
            run: value
            for ranking in rankings
            for row in ranking.rows
            for run, value in zip(row.runs, row.values, strict=True)
        },
        attempts=tuple(map(_anonymous_attempt, attempts)) if anonymous else attempts,
        joules=_total_joules(db, runs),
        database="" if anonymous else db.address.public_name,
        database_id=database_id(db, [run.id for run in runs]),
        created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _without_author(run: Run) -> Run:
    """The run with the paths in the reason of its end shortened."""
    return replace(run, reason=None if run.reason is None else hide_folders(run.reason))


def _anonymous_attempt(attempt: Attempt) -> Attempt:
    """The attempt without its host, commit and the folders in its command."""
    environment = attempt.environment
    if environment is not None:
        environment = replace(
            environment, hostname="", git_commit=None, git_dirty=None, git_diff=None
        )
    return replace(
        attempt, hostname="", command=hide_folders(attempt.command), environment=environment
    )


def _request_of_group(group: ComparableGroup, request: RankingRequest) -> RankingRequest:
    """The request for a group; groups whose metric has no known noise get no columns of it."""
    noise = request.sample_noise and has_sample_noise(group.objective)
    return replace(request, top=MAX_ROWS, sample_noise=noise)


def _ranked_group(
    db: store.Database, group: ComparableGroup, request: RankingRequest
) -> RankedGroup:
    drawn = name_remedies(db, rank_group(db, group, replace(request, top=_MAX_CURVES)))
    shown = as_table_ranking(db, rank_group(db, group, request), request)
    curves = trial_curves_of_ranking(db, drawn)
    return RankedGroup(
        shown,
        build_table(db, group, request),
        curves.series,
        curves.loss,
        _effects_or_none(db, group.scope),
    )


def _effects_or_none(db: store.Database, scope: Scope) -> Effects | None:
    """The effects of the settings; None if there are too few trials."""
    try:
        return compute_effects(db, scope)
    except UsageError:
        return None


def _total_joules(db: store.Database, runs: Sequence[Run]) -> float | None:
    """The energy that the devices reported for these runs; None if they reported none."""
    if _ENERGY_METRIC not in store.metrics(db):
        return None
    curves = store.histories(db, [run.id for run in runs], metrics=[_ENERGY_METRIC])
    values = [
        v for history in curves.values() if (c := history.get(_ENERGY_METRIC)) for v in c.values
    ]
    return math.fsum(values) if values else None


def remedy_summaries(
    db: store.Database, studies: Sequence[Study], runs: Sequence[Run]
) -> tuple[RemedySummary, ...]:
    """The studies of remedies for these runs, and those that have some of these runs."""
    run_ids = {run.id for run in runs}
    summaries = []
    for study in studies:
        number = treated_run(study)
        if not is_remedy_study(study) or number is None or study.objective is None:
            continue
        is_in_report = any(run.trial.study == study.name for run in runs)
        if number in run_ids or is_in_report:
            code = treated_finding(db, study)
            results = evaluate_remedies(db, study, study.objective, code)
            summaries.append(RemedySummary(study.name, number, code, tuple(results)))
    return tuple(summaries)


def format_energy(joules: float) -> str:
    """An energy in kJ, or in kWh from 1 MJ on.

    >>> format_energy(1500.0), format_energy(7.2e6)
    ('1.5 kJ', '2 kWh')
    """
    return f"{joules / 1e3:.3g} kJ" if joules < 1e6 else f"{joules / 3.6e6:.3g} kWh"
