"""What a report says, before it is written in any format."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from nnlab import store
from nnlab.analysis.comparable import ComparableGroup, comparable_groups
from nnlab.analysis.effects import Effects, compute_effects
from nnlab.analysis.ranking import rank_group
from nnlab.analysis.records import Ranking
from nnlab.analysis.remedies import RemedyResult, evaluate_remedies
from nnlab.analysis.scope import Scope, current_runs
from nnlab.analysis.significance import too_few_seeds
from nnlab.analysis.verdict import StudyVerdict, evaluate_claim
from nnlab.diagnose.headlines import OVERFITTING_CODE, PLATEAU_CODE, headline_findings
from nnlab.errors import UsageError
from nnlab.figures.draw.series import Series
from nnlab.figures.kinds.remedy import is_remedy_study, treated_finding
from nnlab.figures.trials import trial_curves_of_ranking, trial_title
from nnlab.io.text import format_count
from nnlab.records import Attempt, Environment, Finding, Run, Severity, Status, Study
from nnlab.report.paper_table import PaperTable, build_table
from nnlab.stats import format_mean

# A ranking longer than this belongs into `nnlab compare --top 0`, not onto a page.
MAX_ROWS = 50
# Trials whose curves are drawn; beyond a dozen they are grey.
_MAX_CURVES = 60
# Groups of which the sentence at the top names the best.
_MAX_SENTENCES = 3
_ENERGY_METRIC = "energy/joules"


@dataclass(frozen=True, slots=True)
class FindingSummary:
    """All findings of one code: what it is, and the runs it holds of, surest first."""

    code: str
    name: str
    severity: Severity
    remedy: str
    cases: tuple[tuple[Run, Finding], ...]


@dataclass(frozen=True, slots=True)
class RemedySummary:
    """A study of remedies for a run of this report, and what came of each."""

    study: str
    run: int
    code: str
    tried: tuple[RemedyResult, ...]


@dataclass(frozen=True, slots=True)
class HeadlineFinding:
    """Runs that overfit (or stand still): how many, the surest of them, and its history.

    `explained` counts the runs beside them where the inputs, noise or a larger fault explains it.
    `loss` is the loss that the run was trained with.
    """

    count: int
    explained: int
    run: Run
    finding: Finding
    series: Series
    loss: str | None = None


@dataclass(frozen=True, slots=True)
class RankedGroup:
    """Comparable runs in a report: their ranking, its table, their curves and what matters.

    `loss` is the loss that all of the curves were trained with, None where they differ.
    """

    ranking: Ranking
    table: PaperTable | None
    series: tuple[Series, ...]
    loss: str | None
    effects: Effects | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report of a scope says.

    `joules` are what the devices used, None where none of them said; runs side by side on one
    device each count it whole. `sentence` is the verdict in a sentence. `groups` has an
    entry for each group of comparable runs, the newest first; none where nothing was trained.
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
    made: str

    @property
    def headline_cases(self) -> tuple[tuple[str, HeadlineFinding], ...]:
        """What banners state, by title, overfitting first."""
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
        """The loss of these curves."""
        return self.groups[0].loss if self.groups else None

    @property
    def effects(self) -> Effects | None:
        """Which choices matter in the newest group."""
        return self.groups[0].effects if self.groups else None

    @property
    def statuses(self) -> Mapping[Status, int]:
        """How many runs stand where."""
        return Counter(run.status for run in self.runs)

    @property
    def failed(self) -> tuple[Run, ...]:
        """Runs without a result, or that diverged."""
        return tuple(run for run in self.runs if run.status in (Status.FAILED, Status.DIVERGED))

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Where it ran, each once."""
        found: list[Environment] = []
        for attempt in self.attempts:
            if attempt.environment is not None and attempt.environment not in found:
                found.append(attempt.environment)
        return tuple(found)

    @property
    def commands(self) -> tuple[str, ...]:
        """What was typed, each line once, in the order of time."""
        return tuple(dict.fromkeys(attempt.command for attempt in self.attempts))

    @property
    def device_hours(self) -> Mapping[str, float]:
        """Hours on each kind of device."""
        devices = {a.run_id: a.environment.device for a in self.attempts if a.environment}
        hours: dict[str, float] = {}
        for run in self.runs:
            if run.device_seconds:
                device = devices.get(run.id, "unknown device")
                hours[device] = hours.get(device, 0.0) + run.device_seconds / 3600
        return hours


def build_report(db: store.Database, scope: Scope) -> Report:
    """Gathers a report.

    Raises:
        UnknownName: a study's objective was never measured.
    """
    runs = current_runs(db, scope)
    everything = store.all_studies(db)
    studies = tuple(study for study in everything if study.id in (scope.studies or ()))
    comparable = comparable_groups(db, scope)
    wholes = [rank_group(db, group) for group in comparable]
    groups = tuple(
        _ranked_group(db, group)
        for group, whole in zip(comparable, wholes, strict=True)
        if whole.rows
    )
    found = store.findings(db, [run.id for run in runs])
    verdicts = tuple(
        (study, answered)
        for study in studies
        if study.decides and (answered := evaluate_claim(db, study)) is not None
    )
    return Report(
        title=scope.title,
        studies=studies,
        sentence=_verdict_sentence(verdicts, [group.ranking for group in groups]),
        verdicts=verdicts,
        groups=groups,
        labels={
            run: trial_title(row, whole)
            for whole in wholes
            for row in whole.rows
            for run in row.runs
        },
        findings=_summarise_findings(runs, found),
        overfits=_headline_finding(db, runs, found, OVERFITTING_CODE),
        plateaus=_headline_finding(db, runs, found, PLATEAU_CODE),
        remedies=_remedy_summaries(db, everything, runs),
        runs=runs,
        values={
            run: value
            for whole in wholes
            for row in whole.rows
            for run, value in zip(row.runs, row.values, strict=True)
        },
        attempts=store.attempts_of_runs(db, [run.id for run in runs]),
        joules=_total_joules(db, runs),
        database=db.address.shown,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _ranked_group(db: store.Database, group: ComparableGroup) -> RankedGroup:
    drawn = trial_curves_of_ranking(db, rank_group(db, group, top=_MAX_CURVES))
    return RankedGroup(
        rank_group(db, group, top=MAX_ROWS),
        build_table(db, group, top=MAX_ROWS),
        drawn.series,
        drawn.loss,
        _effects_or_none(db, group.scope),
    )


def _verdict_sentence(
    verdicts: Sequence[tuple[Study, StudyVerdict]], rankings: Sequence[Ranking]
) -> str:
    """What was found, for who reads one line."""
    if verdicts:
        return "; ".join(
            f"{str(answered.verdict).capitalize()}: {study.claim.rstrip('.') or study.name}"
            for study, answered in verdicts
        )
    if not rankings:
        return "nothing has been trained yet"
    if len(rankings) == 1:
        return _best_trial_sentence(rankings[0])
    parts = [
        # A trial that is alone in its group is called by the group's name.
        _best_trial_sentence(ranking)
        if ranking.total == 1
        else f"{ranking.heading}: {_best_trial_sentence(ranking)}"
        for ranking in rankings[:_MAX_SENTENCES]
    ]
    if len(rankings) > _MAX_SENTENCES:
        parts.append(f"{format_count(len(rankings) - _MAX_SENTENCES, 'more group')} below")
    return ". ".join(parts)


def _best_trial_sentence(ranking: Ranking) -> str:
    """Which trial of a ranking is best, and how far that can be relied on."""
    best = ranking.rows[0]
    metric = ranking.objective.metric
    if not math.isfinite(best.value.mean):
        return f"no trial has a finite {metric}"
    if best.all_diverged:
        return "every run diverged"
    told = format_mean(best.value.mean, best.value.sd)
    name = trial_title(best, ranking)
    if ranking.total == 1:
        return f"{name} reaches {metric} {told} (mean ± sd of {best.value.n})"
    alike = sum(row.tier == 1 for row in ranking.rows[1:])
    lead = f"{name} is best of {ranking.total}: {metric} {told} (mean ± sd of {best.value.n} seeds)"
    if best.tier is None:
        few = too_few_seeds(ranking.rows)
        return f"{lead}; {few or 'with one seed each a small lead may be luck'}"
    if alike:
        others = "another trial" if alike == 1 else f"{alike} others"
        return f"{lead}, but not significantly different from {others}"
    if any(row.tier is None for row in ranking.rows):
        return f"{lead}, and significantly better than every trial with enough seeds to test"
    return f"{lead}, and significantly better than every other trial"


def _effects_or_none(db: store.Database, scope: Scope) -> Effects | None:
    """Which choices matter, where there are enough trials to say."""
    try:
        return compute_effects(db, scope)
    except UsageError:
        return None


def _summarise_findings(
    runs: Sequence[Run], found: Mapping[int, Sequence[Finding]]
) -> tuple[FindingSummary, ...]:
    """Findings by code, errors first, then by how many runs they hold of."""
    by_run = {run.id: run for run in runs}
    cases: dict[str, list[tuple[Run, Finding]]] = {}
    for run_id, findings in found.items():
        for finding in findings:
            cases.setdefault(finding.code, []).append((by_run[run_id], finding))
    weight = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    judged = [
        FindingSummary(
            code,
            of[0][1].name,
            min((case.severity for _, case in of), key=weight.__getitem__),
            of[0][1].remedy,
            tuple(sorted(of, key=lambda pair: (-pair[1].confidence, pair[0].id))),
        )
        for code, of in cases.items()
    ]
    # Overfitting is what a report is opened for: it stands first, unless it has another cause.
    stated = {
        finding.code for findings in found.values() for finding in headline_findings(findings)
    }
    return tuple(
        sorted(
            judged,
            key=lambda one: (
                one.code != OVERFITTING_CODE or OVERFITTING_CODE not in stated,
                weight[one.severity],
                -len(one.cases),
                one.code,
            ),
        )
    )


def _headline_finding(
    db: store.Database, runs: Sequence[Run], found: Mapping[int, Sequence[Finding]], code: str
) -> HeadlineFinding | None:
    """The runs with NN101 or NN102 that a banner may state; None where there are none."""
    cases = [
        (finding.confidence, -run_id, finding)
        for run_id, findings in found.items()
        for finding in headline_findings(findings)
        if finding.code == code
    ]
    if not cases:
        return None
    _, negative, finding = max(cases, key=lambda case: case[:2])
    affected = sum(any(f.code == code for f in findings) for findings in found.values())
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
    """What the devices used for these runs, where they said so."""
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
    """What was tried against findings of these runs."""
    known = {run.id for run in runs}
    found = []
    for study in studies:
        number = study.name.removeprefix("remedy/").partition("/")[0]
        if not is_remedy_study(study) or not number.isdecimal() or study.objective is None:
            continue
        mine = any(run.trial.study == study.name for run in runs)
        if int(number) in known or mine:
            code = treated_finding(db, study)
            tried = evaluate_remedies(db, study, study.objective, code)
            found.append(RemedySummary(study.name, int(number), code, tuple(tried)))
    return tuple(found)


def energy(joules: float) -> str:
    """An energy in the unit that fits it.

    >>> energy(1500.0), energy(7.2e6)
    ('1.5 kJ', '2 kWh')
    """
    return f"{joules / 1e3:.3g} kJ" if joules < 1e6 else f"{joules / 3.6e6:.3g} kWh"
