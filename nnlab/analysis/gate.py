"""What `nnlab gate` reads: the best trial of a ledger, pairs of runs, and the rows of a ledger."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.comparable import find_incomparable_fields
from nnlab.analysis.ranking import rank_each_group
from nnlab.analysis.records import RankingRequest
from nnlab.analysis.scope import Scope
from nnlab.objective import Objective, Setting
from nnlab.records import LedgerEntry, Run, Study, Trial
from nnlab.settings.external import SCRIPT_VERSION_NAME
from nnlab.settings.setting_differences import distinguishing_fields, format_value, setting_label
from nnlab.stats import format_interval

# Fields that name a trial that is compared with nothing.
_LABEL_FIELDS = ("opt", "lr", "model", "data")


@dataclass(frozen=True, slots=True)
class GatePair:
    """The values of candidate and baseline with one seed, and their runs.

    `difference` is positive if the candidate is better.
    """

    seed: int
    candidate: float
    baseline: float
    candidate_run: int
    baseline_run: int
    difference: float


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An entry of a ledger with texts for its candidate and its baseline.

    `is_best` marks the baseline of the next candidate.
    """

    entry: LedgerEntry
    candidate: str
    baseline: str
    is_best: bool


def find_best_trial(
    db: store.Database,
    study: Study,
    entries: Sequence[LedgerEntry],
    setting: Setting,
    objective: Objective,
) -> Trial | None:
    """The trial that a candidate is compared with by default; None if there is none.

    It is the last trial that was kept. Without a ledger it is the best trial of the study by the
    objective. Trials that are not comparable with the setting of the candidate do not count.
    """
    trials = store.trials(db, _trial_ids(entries))

    def is_comparable(trial: Trial | None) -> bool:
        return trial is not None and not find_incomparable_fields(
            (setting, trial.setting), (study.name, trial.study), objective
        )

    own = [
        entry
        for entry in entries
        if entry.objective == objective and is_comparable(trials.get(entry.candidate_trial))
    ]
    best = best_of_ledger(own)
    if best is not None:
        return trials.get(best)
    if not store.runs(db, study=study.id, current_only=True, limit=1):
        return None
    if objective.metric not in store.metrics(db):
        return None  # nothing has been measured yet
    request = RankingRequest(by=str(objective), top=1)
    scope = Scope(study.name, studies=(study.id,), objective=objective)
    for ranking in rank_each_group(db, scope, request):
        for row in ranking.rows[:1]:
            trial = store.trials(db, row.trials).get(row.trials[0])
            if is_comparable(trial) and not row.all_diverged and math.isfinite(row.value.mean):
                return trial
    return None


def best_of_ledger(entries: Sequence[LedgerEntry]) -> int | None:
    """The trial that the next candidate is compared with, by the entries of one objective.

    The first baseline is the best trial until a candidate is kept against it, and so on. A
    candidate that is kept against another trial (`--against`) was not compared with the best one,
    and becomes the best one only if there is none. None if nothing was kept and there is no
    baseline.
    """
    best: int | None = None
    for entry in sorted(entries, key=lambda entry: (entry.ended_at or entry.created_at, entry.id)):
        if best is None and entry.verdict in ("baseline", "keep"):
            best = entry.candidate_trial
        if entry.verdict == "keep" and entry.baseline_trial == best:
            best = entry.candidate_trial
    return best


def newest_entry(
    entries: Sequence[LedgerEntry],
    *,
    baseline: int,
    candidate: int,
    objective: Objective,
    min_effect: float,
) -> LedgerEntry | None:
    """The newest entry of the test of a candidate against a baseline; None if there is none."""
    return next(
        (
            entry
            for entry in reversed(entries)
            if (entry.baseline_trial, entry.candidate_trial) == (baseline, candidate)
            and (entry.objective, entry.min_effect) == (objective, min_effect)
        ),
        None,
    )


def read_pair(
    db: store.Database, objective: Objective, seed: int, candidate: Run, baseline: Run
) -> GatePair:
    """The values of two finished runs with the same seed, at the best epoch of each.

    A value is NaN if the run has not measured the metric.
    """
    values: dict[int, float] = {}
    for trial in store.rank_trials(
        db,
        metric=objective.metric,
        direction=objective.direction,
        run_ids=[candidate.id, baseline.id],
    ):
        values |= {result.run_id: result.value for result in trial.results}
    own, other = (values.get(run.id, math.nan) for run in (candidate, baseline))
    sign = 1.0 if objective.direction == "max" else -1.0
    return GatePair(seed, own, other, candidate.id, baseline.id, sign * (own - other))


def current_runs_by_seed(db: store.Database, study: Study, trial: Trial) -> dict[int, Run]:
    """The current runs of a trial with known seeds, by seed."""
    return {
        run.seed: run
        for run in store.runs(db, study=study.id, current_only=True)
        if run.trial.id == trial.id and run.seed is not None
    }


def ledger_rows(db: store.Database, entries: Sequence[LedgerEntry]) -> tuple[LedgerRow, ...]:
    """The rows of a ledger, in the order of its entries."""
    trials = store.trials(db, _trial_ids(entries))
    best = {
        (own[0].study_id, own[0].objective, best_of_ledger(own))
        for own in _comparable_entries(entries, trials)
    }
    return tuple(
        LedgerRow(
            entry,
            describe_candidate(
                trials.get(entry.candidate_trial), trials.get(entry.baseline_trial or 0)
            ),
            "" if entry.baseline_trial is None else f"trial {entry.baseline_trial}",
            (entry.study_id, entry.objective, entry.candidate_trial) in best,
        )
        for entry in entries
    )


def _comparable_entries(
    entries: Sequence[LedgerEntry], trials: Mapping[int, Trial]
) -> list[list[LedgerEntry]]:
    """The entries of each study and objective, split by what is comparable."""
    groups: list[list[LedgerEntry]] = []
    for entry in entries:
        for group in groups:
            first, second = (trials.get(item.candidate_trial) for item in (group[0], entry))
            if (
                first is not None
                and second is not None
                and (group[0].study_id, group[0].objective) == (entry.study_id, entry.objective)
                and not find_incomparable_fields(
                    (first.setting, second.setting),
                    (first.study, second.study),
                    entry.objective,
                )
            ):
                group.append(entry)
                break
        else:
            groups.append([entry])
    return groups


def interval_text(low: float, high: float) -> str:
    """The interval of an effect, of which a bound may be unknown (infinite).

    >>> interval_text(0.0127, 0.034), interval_text(-math.inf, 0.25), interval_text(0.25, math.inf)
    ('0.013 to 0.034', 'at most 0.25', 'at least 0.25')
    """
    has_low, has_high = math.isfinite(low), math.isfinite(high)
    if has_low and has_high:
        return format_interval(low, high)
    if has_low:
        return f"at least {low:.2g}"
    return f"at most {high:.2g}" if has_high else ""


def describe_candidate(candidate: Trial | None, baseline: Trial | None) -> str:
    """What the candidate changes of the baseline, as `lr 0.1 -> 0.02`."""
    if candidate is None:
        return "(cannot be read)"
    if baseline is None:
        label = setting_label(candidate.setting, _LABEL_FIELDS)
        return label or setting_label(candidate.setting, tuple(candidate.setting))
    return describe_change(candidate.setting, baseline.setting)


def describe_change(candidate: Setting, baseline: Setting) -> str:
    """How the setting of a candidate differs from that of its baseline, as `lr 0.1 -> 0.02`."""
    changes = [
        f"{name} {format_value(baseline.get(name)) or '-'} ->"
        f" {format_value(candidate.get(name)) or '-'}"
        for name in distinguishing_fields((baseline, candidate))
    ]
    if candidate.get(SCRIPT_VERSION_NAME) != baseline.get(SCRIPT_VERSION_NAME):
        changes.append("code")
    return ", ".join(changes) or "code or data"


def _trial_ids(entries: Sequence[LedgerEntry]) -> list[int]:
    ids = {entry.candidate_trial for entry in entries}
    return sorted(ids | {entry.baseline_trial for entry in entries if entry.baseline_trial})
