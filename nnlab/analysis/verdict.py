"""The verdict on a study's claim, computed from its runs.

Runs are paired by seed. An arm with several trials is tuned first: the trial with the best mean
of its own objective over the seeds, on the validation split, speaks for the arm; one that failed
on fewer seeds goes before. Every arm is tuned in the same way, and the answer says over how many
trials.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nnlab import store
from nnlab.analysis.run_value import metrics_in, read_run_value, required_metrics
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.objective import UNLIMITED, Limits, limits_of
from nnlab.records import Comparison, History, Objective, Run, Setting, Status, Study
from nnlab.stats import aggregate
from nnlab.stats.claims import (
    ClaimTest,
    Verdict,
    assess_claim,
    assess_spread_claim,
    overall_verdict,
)


@dataclass(frozen=True, slots=True)
class TunedArm:
    """The trial that speaks for an arm: best of how many, its setting, its runs by seed.

    `chosen` names what it was tuned in; empty where the arm has one trial.
    """

    arm: str
    of: int
    setting: Setting
    chosen: str
    runs: Mapping[int, Run]


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """One comparison and what was found; `missing` seeds had no finite number to compare.

    `values` holds the number of each arm averaged over the seeds compared, in the order of
    `comparison.arms`. On the scale of ratios the judged mean and interval are factors.
    """

    comparison: Comparison
    judged: ClaimTest
    values: tuple[float, ...]
    missing: int


@dataclass(frozen=True, slots=True)
class StudyVerdict:
    """The verdict on a study, its comparisons and who spoke for each arm.

    `waiting` counts runs without a result; while there are any, nothing is decided.
    """

    verdict: Verdict
    answers: tuple[ComparisonResult, ...]
    sides: Mapping[str, TunedArm]
    waiting: int


def evaluate_claim(db: store.Database, study: Study) -> StudyVerdict | None:
    """Judges the claim of a study; None where it makes none."""
    if not study.decides:
        return None
    runs = store.runs(db, study=study.id, current_only=True)
    waiting = sum(run.status.needs_training for run in runs)
    sides = _tuned_arms(db, study, runs)
    used = {name for one in study.decides for name in one.arms}
    ids = [run.id for name in used for run in sides[name].runs.values()]
    metrics = required_metrics(
        (one.metric for one in study.decides), (one.at for one in study.decides)
    )
    histories = store.histories(db, ids, metrics)
    answers = tuple(_evaluate_comparison(one, sides, histories) for one in study.decides)
    verdict = overall_verdict(found.judged.verdict for found in answers)
    return StudyVerdict(Verdict.CANNOT_TELL if waiting else verdict, answers, sides, waiting)


def _tuned_arms(db: store.Database, study: Study, runs: Sequence[Run]) -> dict[str, TunedArm]:
    trials: dict[str, list[Run]] = {}
    for run in runs:
        trials.setdefault(run.trial.digest, []).append(run)
    objective = str(study.objective or runs[0].trial.setting["objective"])
    metric = Objective.parse(objective)
    histories = store.histories(db, [run.id for run in runs], [metric.metric])
    return {
        arm.name: _tune_arm(arm.name, [trials.get(d, []) for d in arm.trials], metric, histories)
        for arm in study.arms
    }


def _tune_arm(
    arm: str,
    trials: Sequence[Sequence[Run]],
    objective: Objective,
    histories: Mapping[int, History],
) -> TunedArm:
    best: Sequence[Run] = trials[0]
    fewest, best_mean = math.inf, math.nan
    for runs in trials:
        values = [_score(run, histories[run.id], objective) for run in runs]
        failures, mean = values.count(None), aggregate(values).mean
        # A setting that fails on a seed comes after those that do not, however good the others.
        if failures < fewest or (failures == fewest and objective.better(mean, best_mean)):
            best, fewest, best_mean = runs, failures, mean
    fields = distinguishing_fields([runs[0].trial.setting for runs in trials if runs])
    setting = best[0].trial.setting
    chosen = setting_label(setting, fields)
    return TunedArm(arm, len(trials), setting, chosen, {run.seed: run for run in best})


def _score(run: Run, history: History, objective: Objective) -> float | None:
    if run.status is Status.DIVERGED:
        return None  # its selected epoch may have been good, but it did not last
    return read_run_value(run, history, objective.metric, "selected")


def _evaluate_comparison(
    comparison: Comparison, sides: Mapping[str, TunedArm], histories: Mapping[int, History]
) -> ComparisonResult:
    arms = [sides[name] for name in comparison.arms]
    seeds = sorted(set.intersection(*(set(side.runs) for side in arms)))
    rows = [_paired_values(comparison, arms, seed, histories) for seed in seeds]
    whole = [row for row in rows if row is not None]
    judged = _test_comparison(comparison, whole)
    values = tuple(math.fsum(column) / len(whole) for column in zip(*whole, strict=True))
    return ComparisonResult(comparison, judged, values, len(rows) - len(whole))


def _paired_values(
    comparison: Comparison, arms: Sequence[TunedArm], seed: int, histories: Mapping[int, History]
) -> tuple[float, ...] | None:
    """The number of each arm with one seed; None where one of them has none."""
    found = []
    for side in arms:
        run = side.runs[seed]
        value = read_run_value(run, histories[run.id], comparison.metric, comparison.at)
        if value is None or (comparison.scale == "ratio" and value <= 0):
            return None
        found.append(value)
    return tuple(found)


# Moments that read a value of the metric itself, not an epoch or a time.
_METRIC_VALUE_POINTS = ("selected", "best", "first", "last", "mean", "epoch", "once")


def _metric_limits(comparison: Comparison) -> Limits:
    """The limits of what is judged: of one arm's own metric; differences have none."""
    is_metric = metrics_in(comparison.metric) == (comparison.metric,)
    at_metric = comparison.at.split(" ")[0] in _METRIC_VALUE_POINTS
    own = len(comparison.arms) == 1 and is_metric and at_metric
    return limits_of(comparison.metric) if own else UNLIMITED


def _test_comparison(comparison: Comparison, rows: Sequence[tuple[float, ...]]) -> ClaimTest:
    above, below = comparison.above, comparison.below
    if comparison.scale == "spread":
        assert below is not None
        return assess_spread_claim([row[0] for row in rows], below=below)
    if comparison.scale == "difference":
        limits = _metric_limits(comparison)
        return assess_claim(
            [_contrast(row) for row in rows], above=above, below=below, limits=limits
        )
    logs = [_contrast([math.log(value) for value in row]) for row in rows]
    found = assess_claim(
        logs,
        above=None if above is None else math.log(above),
        below=None if below is None else math.log(below),
    )
    return replace(
        found,
        mean=_exp_or_inf(found.mean),
        low=_exp_or_inf(found.low),
        high=_exp_or_inf(found.high),
    )


def _exp_or_inf(logarithm: float) -> float:
    return math.exp(logarithm) if logarithm < 700 else math.inf


def _contrast(row: Sequence[float]) -> float:
    """One arm's value; the first less the second; or that less the same of the other two."""
    match len(row):
        case 1:
            return row[0]
        case 2:
            return row[0] - row[1]
    return (row[0] - row[1]) - (row[2] - row[3])
