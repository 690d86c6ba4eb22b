"""The contents of a report, which the modules for HTML, Markdown and LaTeX write."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from nnlab import store
from nnlab.analysis.comparable import ComparableGroup, comparable_groups
from nnlab.analysis.effects import Effects, compute_effects
from nnlab.analysis.ranking import rank_group
from nnlab.analysis.records import Ranking, RankingRequest
from nnlab.analysis.remedies import RemedyResult, evaluate_remedies
from nnlab.analysis.remedy_studies import is_remedy_study, treated_finding
from nnlab.analysis.scope import Scope, current_runs
from nnlab.analysis.significance import too_few_seeds
from nnlab.analysis.verdict import StudyVerdict, evaluate_claim
from nnlab.diagnosis.headlines import OVERFITTING_CODE, PLATEAU_CODE, headline_findings
from nnlab.errors import UsageError
from nnlab.figures.draw.series import Series
from nnlab.figures.trials import trial_curves_of_ranking, trial_title
from nnlab.io.text import format_count
from nnlab.records import Attempt, Environment, Finding, Run, Severity, Status, Study
from nnlab.report.paper_table import PaperTable, build_table
from nnlab.stats import format_mean

# `nnlab compare --top 0` shows longer rankings.
MAX_ROWS = 50
# Trials whose curves are drawn; from the 13th on they are grey.
_MAX_CURVES = 60
# Groups whose best trial is named in the sentence at the top.
_MAX_SENTENCES = 3
_ENERGY_METRIC = "energy/joules"


@dataclass(frozen=True, slots=True)
class FindingSummary:
    """All findings of one code, with their runs, by descending confidence."""

    code: str
    name: str
    severity: Severity
    remedy: str
    cases: tuple[tuple[Run, Finding], ...]


@dataclass(frozen=True, slots=True)
class RemedySummary:
    """A study of remedies for a run of this report, and the result of each remedy."""

    study: str
    run: int
    code: str
    results: tuple[RemedyResult, ...]


@dataclass(frozen=True, slots=True)
class HeadlineFinding:
    """The runs that overfit (or reach a plateau): their number, and the surest of them.

    `explained` counts further runs in which the inputs, noise or a larger fault explains the
    finding. `loss` is the loss with which the run was trained.
    """

    count: int
    explained: int
    run: Run
    finding: Finding
    series: Series
    loss: str | None = None


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
    """

    title: str
    studies: tuple[Study, ...]
    sentence: str
    verdicts: tuple[tuple[Study, StudyVerdict], ...]
    groups: tuple[RankedGroup, ...]
    labels: Mapping[int, str]
    findings: tuple[FindingSummary, ...]
    overfits: HeadlineFinding | None
    plateaus: HeadlineFinding | None
    remedies: tuple[RemedySummary, ...]
    runs: tuple[Run, ...]
    values: Mapping[int, float]
    attempts: tuple[Attempt, ...]
    joules: float | None
    database: str
    created_at: str

    @property
    def headline_cases(self) -> tuple[tuple[str, HeadlineFinding], ...]:
        """The headline findings with their titles, overfitting first."""
        cases = (("Overfitting", self.overfits), ("Validation plateau", self.plateaus))
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


def build_report(db: store.Database, scope: Scope) -> Report:
    """Collects the contents of a report.

    Raises:
        UnknownName: the objective of a study was never measured.
    """
    runs = current_runs(db, scope)
    all_studies = store.all_studies(db)
    studies = tuple(study for study in all_studies if study.id in (scope.studies or ()))
    comparable_runs = comparable_groups(db, scope)
    rankings = [rank_group(db, group) for group in comparable_runs]
    groups = tuple(
        _ranked_group(db, group)
        for group, ranking in zip(comparable_runs, rankings, strict=True)
        if ranking.rows
    )
    findings = store.findings(db, [run.id for run in runs])
    verdicts = tuple(
        (study, study_verdict)
        for study in studies
        if study.comparisons and (study_verdict := evaluate_claim(db, study)) is not None
    )
    return Report(
        title=scope.title,
        studies=studies,
        sentence=_verdict_sentence(verdicts, [group.ranking for group in groups]),
        verdicts=verdicts,
        groups=groups,
        labels={
            run: trial_title(row, ranking)
            for ranking in rankings
            for row in ranking.rows
            for run in row.runs
        },
        findings=_summarise_findings(runs, findings),
        overfits=_headline_finding(db, runs, findings, OVERFITTING_CODE),
        plateaus=_headline_finding(db, runs, findings, PLATEAU_CODE),
        remedies=_remedy_summaries(db, all_studies, runs),
        runs=runs,
        values={
            run: value
            for ranking in rankings
            for row in ranking.rows
            for run, value in zip(row.runs, row.values, strict=True)
        },
        attempts=store.attempts_of_runs(db, [run.id for run in runs]),
        joules=_total_joules(db, runs),
        database=db.address.display_name,
        created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _ranked_group(db: store.Database, group: ComparableGroup) -> RankedGroup:
    curves = trial_curves_of_ranking(db, rank_group(db, group, RankingRequest(top=_MAX_CURVES)))
    return RankedGroup(
        rank_group(db, group, RankingRequest(top=MAX_ROWS)),
        build_table(db, group, RankingRequest(top=MAX_ROWS)),
        curves.series,
        curves.loss,
        _effects_or_none(db, group.scope),
    )


def _verdict_sentence(
    verdicts: Sequence[tuple[Study, StudyVerdict]], rankings: Sequence[Ranking]
) -> str:
    """The result of a report in one sentence."""
    if verdicts:
        return "; ".join(
            f"{str(study_verdict.verdict).capitalize()}: {study.claim.rstrip('.') or study.name}"
            for study, study_verdict in verdicts
        )
    if not rankings:
        return "nothing has been trained yet"
    if len(rankings) == 1:
        return _best_trial_sentence(rankings[0])
    parts = [
        # A single trial in a group already has the name of the group.
        _best_trial_sentence(ranking)
        if ranking.total == 1
        else f"{ranking.heading}: {_best_trial_sentence(ranking)}"
        for ranking in rankings[:_MAX_SENTENCES]
    ]
    if len(rankings) > _MAX_SENTENCES:
        parts.append(f"{format_count(len(rankings) - _MAX_SENTENCES, 'more group')} below")
    return ". ".join(parts)


def _best_trial_sentence(ranking: Ranking) -> str:
    """Which trial of a ranking is best, and whether it is significantly better than the others."""
    best = ranking.rows[0]
    metric = ranking.objective.metric
    if not math.isfinite(best.value.mean):
        return f"no trial has a finite {metric}"
    if best.all_diverged:
        return "every run diverged"
    value_text = format_mean(best.value.mean, best.value.sd)
    name = trial_title(best, ranking)
    if ranking.total == 1:
        return f"{name} reaches {metric} {value_text} (mean ± sd of {best.value.n})"
    ties = sum(row.tier == 1 for row in ranking.rows[1:])
    lead = (
        f"{name} is best of {ranking.total}: {metric} {value_text}"
        f" (mean ± sd of {best.value.n} seeds)"
    )
    if best.tier is None:
        seed_note = too_few_seeds(ranking.rows)
        return f"{lead}; {seed_note or 'with one seed each, a small lead may be chance'}"
    if ties:
        others = "another trial" if ties == 1 else f"{ties} others"
        return f"{lead}, but not significantly different from {others}"
    if any(row.tier is None for row in ranking.rows):
        return f"{lead}, and significantly better than every trial with enough seeds to test"
    return f"{lead}, and significantly better than every other trial"


def _effects_or_none(db: store.Database, scope: Scope) -> Effects | None:
    """The effects of the settings; None if there are too few trials."""
    try:
        return compute_effects(db, scope)
    except UsageError:
        return None


def _summarise_findings(
    runs: Sequence[Run], findings_by_run: Mapping[int, Sequence[Finding]]
) -> tuple[FindingSummary, ...]:
    """The findings by code: headline overfitting first, then errors, then by number of runs."""
    by_run = {run.id: run for run in runs}
    cases: dict[str, list[tuple[Run, Finding]]] = {}
    for run_id, findings in findings_by_run.items():
        for finding in findings:
            cases.setdefault(finding.code, []).append((by_run[run_id], finding))
    severity_order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    summaries = [
        FindingSummary(
            code,
            run_findings[0][1].name,
            min((case.severity for _, case in run_findings), key=severity_order.__getitem__),
            run_findings[0][1].remedy,
            tuple(sorted(run_findings, key=lambda pair: (-pair[1].confidence, pair[0].id))),
        )
        for code, run_findings in cases.items()
    ]
    # Overfitting comes first because readers look for it, unless something else explains it.
    headline_codes = {
        finding.code
        for findings in findings_by_run.values()
        for finding in headline_findings(findings)
    }
    return tuple(
        sorted(
            summaries,
            key=lambda summary: (
                summary.code != OVERFITTING_CODE or OVERFITTING_CODE not in headline_codes,
                severity_order[summary.severity],
                -len(summary.cases),
                summary.code,
            ),
        )
    )


def _headline_finding(
    db: store.Database,
    runs: Sequence[Run],
    findings_by_run: Mapping[int, Sequence[Finding]],
    code: str,
) -> HeadlineFinding | None:
    """The runs with a headline finding NN101 or NN102; None if there are none."""
    cases = [
        (finding.confidence, -run_id, finding)
        for run_id, findings in findings_by_run.items()
        for finding in headline_findings(findings)
        if finding.code == code
    ]
    if not cases:
        return None
    _, negative, finding = max(cases, key=lambda case: case[:2])
    affected = sum(any(f.code == code for f in findings) for findings in findings_by_run.values())
    run = next(run for run in runs if run.id == -negative)
    history = store.history(db, run.id)
    series = Series(f"run {run.id}", (history,), (finding,), run.selected_epoch)
    loss = run.trial.setting.get("loss")
    return HeadlineFinding(
        len(cases),
        affected - len(cases),
        run,
        finding,
        series,
        None if loss is None else str(loss),
    )


def _total_joules(db: store.Database, runs: Sequence[Run]) -> float | None:
    """The energy that the devices reported for these runs; None if they reported none."""
    if _ENERGY_METRIC not in store.metrics(db):
        return None
    curves = store.histories(db, [run.id for run in runs], metrics=[_ENERGY_METRIC])
    values = [
        v for history in curves.values() if (c := history.get(_ENERGY_METRIC)) for v in c.values
    ]
    return math.fsum(values) if values else None


def _remedy_summaries(
    db: store.Database, studies: Sequence[Study], runs: Sequence[Run]
) -> tuple[RemedySummary, ...]:
    """The remedy studies of these runs, with their results."""
    run_ids = {run.id for run in runs}
    summaries = []
    for study in studies:
        number = study.name.removeprefix("remedy/").partition("/")[0]
        if not is_remedy_study(study) or not number.isdecimal() or study.objective is None:
            continue
        is_in_report = any(run.trial.study == study.name for run in runs)
        if int(number) in run_ids or is_in_report:
            code = treated_finding(db, study)
            results = evaluate_remedies(db, study, study.objective, code)
            summaries.append(RemedySummary(study.name, int(number), code, tuple(results)))
    return tuple(summaries)


def format_energy(joules: float) -> str:
    """An energy in kJ, or in kWh from 1 MJ on.

    >>> format_energy(1500.0), format_energy(7.2e6)
    ('1.5 kJ', '2 kWh')
    """
    return f"{joules / 1e3:.3g} kJ" if joules < 1e6 else f"{joules / 3.6e6:.3g} kWh"
