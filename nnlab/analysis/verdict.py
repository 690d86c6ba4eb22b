"""The verdict on a study's claim, computed from its runs.

Runs are paired by seed. An arm with several trials is tuned first: it is represented by the trial
with the fewest failed seeds, and among these by the best mean of its objective on the validation
split. All arms are tuned in the same way, and the result says over how many trials. Only a rank
correlation is computed over all trials of an arm, within each seed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nnlab import store
from nnlab.analysis.arm_labels import arm_label
from nnlab.analysis.left_out_arms import without_left_out_arms
from nnlab.analysis.pair_metrics import compares_pairs, first_seeds
from nnlab.analysis.run_value import metrics_in, read_run_value, required_metrics
from nnlab.objective import UNLIMITED, Limits, limits_of
from nnlab.records import Comparison, History, Objective, Run, Setting, Status, Study
from nnlab.settings.setting_differences import distinguishing_fields, setting_label
from nnlab.stats import aggregate
from nnlab.stats.claims import (
    ClaimTest,
    Verdict,
    assess_claim,
    assess_spread_claim,
    overall_verdict,
)
from nnlab.stats.paired import sample_sd
from nnlab.stats.rank_correlation import rank_correlation


@dataclass(frozen=True, slots=True)
class TunedArm:
    """The trial that represents an arm: its setting, and its runs by seed.

    `n_trials` is the number of trials of the arm. `tuned_values` shows the values of the fields in
    which these differ; it is empty for an arm with one trial. `trials` holds the runs of all of its
    trials, by seed.
    """

    arm: str
    n_trials: int
    setting: Setting
    tuned_values: str
    runs: Mapping[int, Run]
    trials: tuple[Mapping[int, Run], ...] = ()

    @property
    def title(self) -> str:
        """The name of the arm, followed by its tuned values."""
        return arm_label(self.arm, self.tuned_values)


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """The test of one comparison; `missing` seeds had no finite value to compare.

    `values` holds the mean of each arm over the seeds compared, in the order of `comparison.arms`.
    On the ratio scale the mean and interval of the test are factors. `sd` is the standard deviation
    over the seeds of the tested value, on the ratio scale of its logarithm; NaN below two seeds.
    """

    comparison: Comparison
    test: ClaimTest
    values: tuple[float, ...]
    missing: int
    sd: float = math.nan


@dataclass(frozen=True, slots=True)
class StudyVerdict:
    """The verdict on a study, the results of its comparisons, and the tuned arms by name.

    `results` holds the comparisons that decide the claim, followed by those that do not.
    `unfinished` counts the runs without a result; while there are any, nothing is decided.
    """

    verdict: Verdict
    results: tuple[ComparisonResult, ...]
    arms: Mapping[str, TunedArm]
    unfinished: int


def evaluate_claim(db: store.Database, study: Study) -> StudyVerdict | None:
    """The verdict on the claim of a study; None if the study makes no claim."""
    study = without_left_out_arms(study)
    comparisons = study.comparisons
    if not comparisons:
        return None
    runs = store.runs(db, study=study.id, current_only=True)
    unfinished = sum(run.status.needs_training for run in runs)
    arms = _tuned_arms(db, study, runs)
    histories = store.histories(
        db,
        _compared_runs(comparisons, arms),
        required_metrics(
            (name for each in comparisons for name in (each.metric, each.other_metric) if name),
            (at for each in comparisons for at in (each.at, each.other_at) if at),
        ),
    )
    results = tuple(_evaluate_comparison(comparison, arms, histories) for comparison in comparisons)
    verdict = overall_verdict(
        result.test.verdict for result in results if result.comparison.decides
    )
    return StudyVerdict(Verdict.CANNOT_TELL if unfinished else verdict, results, arms, unfinished)


def _compared_runs(comparisons: Sequence[Comparison], arms: Mapping[str, TunedArm]) -> list[int]:
    """The runs whose values are compared: of tuned arms, and of all trials for a correlation."""
    ids: dict[int, None] = {}
    for comparison in comparisons:
        for arm in map(arms.__getitem__, comparison.arms):
            trials = arm.trials if comparison.scale == "correlation" else (arm.runs,)
            ids |= {run.id: None for runs in trials for run in runs.values()}
    return list(ids)


def _tuned_arms(db: store.Database, study: Study, runs: Sequence[Run]) -> dict[str, TunedArm]:
    trials: dict[str, list[Run]] = {}
    for run in runs:
        trials.setdefault(run.trial.digest, []).append(run)
    if not runs:  # all were removed
        return {arm.name: TunedArm(arm.name, 0, {}, "", {}) for arm in study.arms}
    objective = str(study.objective or runs[0].trial.setting["objective"])
    metric = Objective.parse(objective)
    histories = store.histories(db, [run.id for run in runs], [metric.metric])
    return {
        # The runs of a trial may have been removed.
        arm.name: _tune_arm(
            arm.name, [trials[d] for d in arm.trials if d in trials], metric, histories
        )
        for arm in study.arms
    }


def _tune_arm(
    arm: str,
    trials: Sequence[Sequence[Run]],
    objective: Objective,
    histories: Mapping[int, History],
) -> TunedArm:
    if not trials:
        return TunedArm(arm, 0, {}, "", {})
    best: Sequence[Run] = trials[0]
    fewest, best_mean = math.inf, math.nan
    for runs in trials:
        values = [_score(run, histories[run.id], objective) for run in runs]
        failures, mean = values.count(None), aggregate(values).mean
        # A setting with fewer failed seeds is preferred, whatever its mean.
        if failures < fewest or (failures == fewest and objective.is_better(mean, best_mean)):
            best, fewest, best_mean = runs, failures, mean
    fields = distinguishing_fields([runs[0].trial.setting for runs in trials])
    setting = best[0].trial.setting
    tuned_values = setting_label(setting, fields)
    by_seed = tuple({run.known_seed: run for run in runs} for runs in trials)
    return TunedArm(
        arm, len(trials), setting, tuned_values, {run.known_seed: run for run in best}, by_seed
    )


def _score(run: Run, history: History, objective: Objective) -> float | None:
    if run.status is Status.DIVERGED:
        return None  # the selected epoch may have been good, but the run failed later
    return read_run_value(run, history, objective.metric, "selected")


def _evaluate_comparison(
    comparison: Comparison, tuned_arms: Mapping[str, TunedArm], histories: Mapping[int, History]
) -> ComparisonResult:
    compared = [tuned_arms[name] for name in comparison.arms]
    if comparison.scale == "correlation":
        return _evaluate_correlation(comparison, compared[0], histories)
    seeds = sorted(set.intersection(*(set(arm.runs) for arm in compared)))
    if compares_pairs(comparison):
        seeds = first_seeds(seeds)
    rows = [_paired_values(comparison, compared, seed, histories) for seed in seeds]
    complete = [row for row in rows if row is not None]
    test, sd = _test_comparison(comparison, complete)
    values = tuple(math.fsum(column) / len(complete) for column in zip(*complete, strict=True))
    return ComparisonResult(comparison, test, values, len(rows) - len(complete), sd)


def _evaluate_correlation(
    comparison: Comparison, arm: TunedArm, histories: Mapping[int, History]
) -> ComparisonResult:
    """The test of a rank correlation over the trials of an arm, one value per seed."""
    seeds = sorted({seed for runs in arm.trials for seed in runs})
    values = [_correlation(comparison, arm, seed, histories) for seed in seeds]
    complete = [(value,) for value in values if value is not None]
    test, sd = _test_comparison(comparison, complete)
    return ComparisonResult(comparison, test, (), len(values) - len(complete), sd)


def _correlation(
    comparison: Comparison, arm: TunedArm, seed: int, histories: Mapping[int, History]
) -> float | None:
    """The rank correlation of two metrics over the trials of an arm with one seed."""
    pairs = [
        (
            read_run_value(run, histories[run.id], comparison.metric, comparison.at),
            read_run_value(run, histories[run.id], comparison.other_metric, comparison.other_at),
        )
        for runs in arm.trials
        if (run := runs.get(seed)) is not None
    ]
    complete = [(x, y) for x, y in pairs if x is not None and y is not None]
    return rank_correlation([x for x, _ in complete], [y for _, y in complete])


def _paired_values(
    comparison: Comparison, arms: Sequence[TunedArm], seed: int, histories: Mapping[int, History]
) -> tuple[float, ...] | None:
    """The value of each arm with one seed; None if any of them is missing."""
    values = []
    for arm in arms:
        run = arm.runs[seed]
        value = read_run_value(run, histories[run.id], comparison.metric, comparison.at)
        if value is None or (comparison.scale == "ratio" and value <= 0):
            return None
        values.append(value)
    return tuple(values)


_CORRELATION_LIMITS: Limits = (-1.0, 1.0)
# Moments whose value is one of the metric, not an epoch or a time.
_METRIC_VALUE_POINTS = ("selected", "best", "first", "last", "mean", "epoch", "once")


def _metric_limits(comparison: Comparison) -> Limits:
    """The limits of the tested value: those of the metric of a single arm, else none."""
    if comparison.scale == "correlation":
        return _CORRELATION_LIMITS
    is_metric = metrics_in(comparison.metric) == (comparison.metric,)
    is_metric_value = comparison.at.split(" ")[0] in _METRIC_VALUE_POINTS
    has_limits = len(comparison.arms) == 1 and is_metric and is_metric_value
    return limits_of(comparison.metric) if has_limits else UNLIMITED


def _test_comparison(
    comparison: Comparison, rows: Sequence[tuple[float, ...]]
) -> tuple[ClaimTest, float]:
    """The test of the rows, one per seed, and the standard deviation of the tested values."""
    above, below = comparison.above, comparison.below
    if comparison.scale == "spread":
        if below is None:
            raise ValueError("a comparison of spreads needs the bound `below`")
        values = [row[0] for row in rows]
        return assess_spread_claim(values, below=below), _sd(values)
    if comparison.scale in ("difference", "correlation"):
        limits = _metric_limits(comparison)
        values = [_contrast(row) for row in rows]
        return assess_claim(values, above=above, below=below, limits=limits), _sd(values)
    logs = [_contrast([math.log(value) for value in row]) for row in rows]
    test = assess_claim(
        logs,
        above=None if above is None else math.log(above),
        below=None if below is None else math.log(below),
    )
    factors = replace(
        test,
        mean=_exp_or_inf(test.mean),
        low=_exp_or_inf(test.low),
        high=_exp_or_inf(test.high),
    )
    return factors, _sd(logs)


def _sd(values: Sequence[float]) -> float:
    return sample_sd(values) if len(values) > 1 else math.nan


def _exp_or_inf(logarithm: float) -> float:
    return math.exp(logarithm) if logarithm < 700 else math.inf


def _contrast(row: Sequence[float]) -> float:
    """The value a of one arm, the difference a - b of two, or (a - b) - (c - d) of four."""
    match len(row):
        case 1:
            return row[0]
        case 2:
            return row[0] - row[1]
    return (row[0] - row[1]) - (row[2] - row[3])
