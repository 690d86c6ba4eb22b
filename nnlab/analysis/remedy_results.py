"""The results of trained remedies: each is compared with a control on the same seeds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nnlab import store
from nnlab.analysis.remedies import CONTROL_ARM
from nnlab.analysis.remedy_measure import (
    ObjectiveEpoch,
    RemedyMeasure,
    measure_of_finding,
    measure_of_remedy,
    measured_values,
    objective_measure,
)
from nnlab.objective import Objective, Setting
from nnlab.records import History, Run, Status, Study
from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.comparison import PairedTest, predict_seeds_needed
from nnlab.stats.joint_sign_flips import joint_sign_flip_p
from nnlab.stats.paired import mean_and_half_width, sign_flip_interval

# The p value of the test cannot be lower than 2^-n, for any number of remedies.
MIN_SEEDS = math.ceil(math.log2(1 / SIGNIFICANCE_LEVEL))


class RemedyOutcome(StrEnum):
    """The result of trying a remedy."""

    HELPED = "helped"
    DID_NOT = "did not help"
    CANNOT_TELL = "cannot tell yet"


@dataclass(frozen=True, slots=True)
class RemedyResult:
    """The effect of a remedy over `n` seeds, and whether it helped.

    Attributes:
        name: the name of the remedy.
        n: the number of seeds that the remedy and the control share.
        effect: the mean improvement of `metric`, in its unit.
        low: the lower bound of the 95 % confidence interval of the effect.
        high: the upper bound.
        p: the p value of an effect above 0, adjusted for all remedies tried
            (`nnlab.stats.joint_sign_flips`).
        outcome: whether it helped.
        still: the number of runs that still have the finding.
        control: the same number for the control.
        needed: the number of seeds needed to decide; None if it cannot be predicted.
        setting: its setting.
        metric: the metric by which it is judged.
        at: the epoch of the metric: the best or the last one.
        usual_measure: the metric and the epoch by which remedies of the finding are judged, in
            words; those of this remedy differ if it changes what they mean.
        best_effect: the mean improvement of the objective at the best epoch of each run.
        best_low: the lower bound of its 95 % confidence interval.
        best_high: the upper bound.
        diverged: the number of runs that diverged, which have the worst value of all runs.
        is_worse_at_end: whether the objective at the last epoch is significantly worse, although
            `metric` improves: the remedy prevents learning.
    """

    name: str
    n: int
    effect: float
    low: float
    high: float
    p: float
    outcome: RemedyOutcome
    still: int
    control: int
    needed: int | None
    setting: Setting
    metric: str
    at: ObjectiveEpoch
    usual_measure: str
    best_effect: float
    best_low: float
    best_high: float
    diverged: int = 0
    is_worse_at_end: bool = False

    @property
    def measure_text(self) -> str:
        """The metric and the epoch by which the remedy is judged, in words."""
        return f"{self.metric} at the {self.at} epoch"


@dataclass(frozen=True, slots=True)
class _ArmRuns:
    """The runs of a remedy study that have ended, by arm and seed, and their curves."""

    by_arm: Mapping[str, Mapping[int, Run]]
    histories: Mapping[int, History]

    def differences(self, name: str, measure: RemedyMeasure) -> list[float]:
        """How much better each shared seed of an arm is than the control, by seed."""
        values = measured_values(self.by_arm, self.histories, measure)
        return [
            measure.difference(values[name][seed], values[CONTROL_ARM][seed])
            for seed in self.shared_seeds(name)
        ]

    def shared_seeds(self, name: str) -> list[int]:
        """The seeds with which an arm and the control have ended."""
        return sorted(set(self.by_arm[name]) & set(self.by_arm[CONTROL_ARM]))


def evaluate_remedies(
    db: store.Database, study: Study, objective: Objective, code: str
) -> tuple[RemedyResult, ...]:
    """The results of all remedies of a study: those that helped first, then by effect.

    Args:
        db: the database.
        study: the study whose arms are the control and the remedies.
        objective: the objective that the remedies should improve.
        code: the code of the finding that the remedies should remove.
    """
    runs = store.runs(db, study=study.id, current_only=True)
    by_arm = runs_by_arm(study, runs)
    controls = by_arm[CONTROL_ARM]
    names = [n for n in by_arm if n != CONTROL_ARM and len(by_arm[n].keys() & controls.keys()) > 1]
    if not names:
        return ()
    control = next(iter(controls.values()))
    metrics = store.history(db, control.id).curves
    measure = measure_of_finding(code, objective, metrics, is_external=study.script is not None)
    measures = {
        name: measure_of_remedy(measure, objective, next(iter(by_arm[name].values())), control)
        for name in names
    }
    needed_metrics = {objective.metric, *(measure.metric for measure in measures.values())}
    histories = store.histories(db, [run.id for run in runs], needed_metrics)
    arms = _ArmRuns(by_arm, histories)
    differences = {name: arms.differences(name, measures[name]) for name in names}
    p_values = _adjusted_p_values(arms, differences)
    affected = _affected_runs(db, arms, code)
    results = []
    for name in names:
        test = _RemedyTest(measures[name], differences[name], p_values[name], len(names))
        counts = (affected[name], affected[CONTROL_ARM])
        results.append(_evaluate_remedy(arms, name, test, counts, objective, measure.text))
    return tuple(sorted(results, key=_order_of_result))


def runs_by_arm(study: Study, runs: Iterable[Run]) -> dict[str, dict[int, Run]]:
    """The runs that have ended by arm and seed; runs that failed are left out."""
    by_digest = {arm.trials[0]: arm.name for arm in study.arms}
    by_arm: dict[str, dict[int, Run]] = {arm.name: {} for arm in study.arms}
    for run in runs:
        if run.trial.digest in by_digest and not run.status.needs_training:
            by_arm[by_digest[run.trial.digest]][run.known_seed] = run
    return by_arm


def _order_of_result(result: RemedyResult) -> tuple[bool, float]:
    return result.outcome is not RemedyOutcome.HELPED, -result.effect


def _adjusted_p_values(
    arms: _ArmRuns, differences: Mapping[str, Sequence[float]]
) -> dict[str, float]:
    """The p value of each remedy, adjusted for all of them; missing seeds count as equal."""
    seeds = sorted({seed for name in differences for seed in arms.shared_seeds(name)})
    by_seed = {
        name: dict(zip(arms.shared_seeds(name), values, strict=True))
        for name, values in differences.items()
    }
    rows = [[by_seed[name].get(seed, 0.0) for seed in seeds] for name in differences]
    return dict(zip(differences, joint_sign_flip_p(rows), strict=True))


def _affected_runs(db: store.Database, arms: _ArmRuns, code: str) -> dict[str, int]:
    """The number of runs of each arm that have the finding."""
    run_ids = [run.id for runs in arms.by_arm.values() for run in runs.values()]
    findings = store.findings(db, run_ids)
    return {
        name: sum(
            any(finding.code == code for finding in findings.get(run.id, ()))
            for run in runs.values()
        )
        for name, runs in arms.by_arm.items()
    }


@dataclass(frozen=True, slots=True)
class _RemedyTest:
    """The measure of a remedy, its improvements by seed, and their adjusted p value.

    `remedies` is the number of remedies for which p is adjusted.
    """

    measure: RemedyMeasure
    differences: Sequence[float]
    p: float
    remedies: int


def _evaluate_remedy(
    arms: _ArmRuns,
    name: str,
    test: _RemedyTest,
    counts: tuple[int, int],
    objective: Objective,
    usual_measure: str,
) -> RemedyResult:
    effect, low, high = _effect_and_interval(test.differences)
    is_worse = test.measure.metric != objective.metric and _is_worse_at_end(arms, name, objective)
    needed = None
    if high <= 0 or is_worse:
        outcome = RemedyOutcome.DID_NOT
    elif low > 0 and test.p <= SIGNIFICANCE_LEVEL:
        outcome = RemedyOutcome.HELPED
    else:
        outcome = RemedyOutcome.CANNOT_TELL
        if effect > 0:
            needed = predict_seeds_needed(
                test.differences, test=PairedTest.SIGN_FLIP, tests=test.remedies
            )
    runs = arms.by_arm[name]
    return RemedyResult(
        name,
        len(test.differences),
        effect,
        low,
        high,
        test.p,
        outcome,
        *counts,
        needed,
        next(iter(runs.values())).trial.setting,
        test.measure.metric,
        test.measure.at,
        usual_measure,
        *_effect_and_interval(arms.differences(name, objective_measure(objective, "best"))),
        diverged=sum(run.status is Status.DIVERGED for run in runs.values()),
        is_worse_at_end=is_worse,
    )


def _is_worse_at_end(arms: _ArmRuns, name: str, objective: Objective) -> bool:
    """Whether the objective at the last epoch is significantly worse than that of the control."""
    _, _, high = _effect_and_interval(arms.differences(name, objective_measure(objective, "last")))
    return high < 0


def _effect_and_interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """The mean of the differences, and its 95 % confidence interval.

    The interval is that of the sign-flip test, as the p value: a seed whose control is extremely
    bad widens the t interval until it contains 0. With five seeds, which are too few for it, and
    for equal differences it is the t interval.
    """
    mean, half_width = mean_and_half_width(differences)
    if half_width > 0:
        low, high = sign_flip_interval(differences)
        if math.isfinite(low):
            return mean, low, high
    return mean, mean - half_width, mean + half_width
