"""Trials of remedies: each is trained with the seeds of a control, compared with it and judged."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nnlab import store
from nnlab.analysis.remedy_measure import (
    ObjectiveEpoch,
    RemedyMeasure,
    measure_of_finding,
    measure_of_remedy,
    measured_values,
    objective_measure,
)
from nnlab.catalogue import is_user_code
from nnlab.catalogue.tasks import DEFINED_BY_TASK
from nnlab.diagnosis.remedies import Remedy
from nnlab.engine.data import facts_of
from nnlab.engine.versions import file_versions
from nnlab.errors import ConfigError, PluginError, UnknownName, UserCodeRefused
from nnlab.objective import Objective, Setting
from nnlab.records import History, Run, Status, Study
from nnlab.settings import (
    RunConfig,
    build_config,
    default_for_setting,
    digest_of,
    is_builtin_value,
    is_setting_name,
    resolve,
    setting_field,
    setting_fields,
    setting_of,
)
from nnlab.settings.arguments import is_argument
from nnlab.settings.user_task import TASK_DEFINITIONS
from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.comparison import PairedTest, predict_seeds_needed
from nnlab.stats.joint_sign_flips import joint_sign_flip_p
from nnlab.stats.paired import mean_and_half_width, sign_flip_interval

CONTROL_ARM = "control"
# Fields that users rarely set, because their defaults follow from the data.
_FIELDS_FILLED_BY_DATA = ("loss", "objective", "test_fraction", "model", "inputs", "task")


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
    best_effect: float
    best_low: float
    best_high: float
    diverged: int = 0
    is_worse_at_end: bool = False

    @property
    def measure_text(self) -> str:
        """The metric and the epoch by which the remedy is judged, in words."""
        return f"{self.metric} at the {self.at} epoch"


def remedy_settings(setting: Setting, remedies: Sequence[Remedy]) -> dict[str, Setting]:
    """The settings to train, by remedy name; remedies that the setting cannot have are left out."""
    settings = {CONTROL_ARM: setting}
    for remedy in remedies:
        try:
            changed = apply_remedy(setting, remedy)
        except ConfigError:
            continue
        if changed not in settings.values():
            settings[remedy.name] = changed
    return settings


def remedy_run_specs(settings: Iterable[Setting], seeds: Sequence[int]) -> list[store.RunSpec]:
    """The runs of all settings with the same seeds."""
    return [
        store.RunSpec(setting, digest_of(setting), seed, int(str(setting["epochs"])))
        for seed in seeds
        for setting in settings
    ]


def apply_remedy(setting: Setting, remedy: Remedy) -> Setting:
    """A setting with a remedy's changes; fields that depend on a changed field get their default.

    Raises:
        ConfigError: the changed setting is invalid.
    """
    changed = [name for name in remedy.changes if setting.get(name) != remedy.changes[name]]
    kept = {
        name: value
        for name, value in setting.items()
        if is_setting_name(name) and setting_field(name).option.default_from not in changed
    }
    # The learning rate is kept, whether it was tuned or is the optimizer's default.
    config = build_config({**kept, **remedy.changes})
    return _resolve_setting(config, setting)


def minimal_fields(setting: Setting) -> list[str]:
    """The fields that must be typed to get a setting; all others follow from them.

    The defaults of some fields depend on the data. If the data come from user code that must not
    be executed now (`nnlab.engine.user_code`), these fields are always included.
    """
    required = [
        name
        for name in setting_fields()
        if name in setting
        and name != "seed"
        and not _is_default(name, setting)
        and not (setting[name] == DEFINED_BY_TASK and name in TASK_DEFINITIONS)
    ]
    required += sorted(name for name in setting if is_argument(name))
    if is_user_code("task", str(setting.get("task"))):
        return required  # a command that shows a setting does not execute the task
    for name in _FIELDS_FILLED_BY_DATA:
        others = [field for field in required if field != name]
        if name in required and _resolves_to(setting, others):
            required = others
    return required


def _is_default(name: str, setting: Setting) -> bool:
    """Whether a field has the default that follows from built-in choices; plugins may change."""
    kind = setting_fields()[name].option.default_from
    if kind is not None and not is_builtin_value(kind, setting.get(kind)):
        return False
    return bool(setting[name] == default_for_setting(name, setting)[1])


def _resolves_to(setting: Setting, names: Sequence[str]) -> bool:
    try:
        return _resolve_fields(setting, names) == setting
    except (PluginError, UnknownName, UserCodeRefused):
        return False


def _resolve_fields(setting: Setting, names: Sequence[str]) -> Setting:
    config = build_config({name: setting[name] for name in names})
    return _resolve_setting(config, setting)


def _resolve_setting(config: RunConfig, setting: Setting) -> Setting:
    version = setting.get("start_version")
    resolved = resolve(
        config,
        facts_of(config),
        versions=file_versions(config),
        start_version=None if version is None else str(version),
    )
    return setting_of(resolved)


# The p value of the test cannot be lower than 2^-n, for any number of remedies.
MIN_SEEDS = math.ceil(math.log2(1 / SIGNIFICANCE_LEVEL))


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
    results = [
        _evaluate_remedy(
            name,
            differences[name],
            p_values[name],
            (affected[name], affected[CONTROL_ARM]),
            measures[name],
            arms,
            objective,
            len(names),
        )
        for name in names
    ]
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


def _evaluate_remedy(
    name: str,
    differences: Sequence[float],
    p: float,
    counts: tuple[int, int],
    measure: RemedyMeasure,
    arms: _ArmRuns,
    objective: Objective,
    remedies: int,
) -> RemedyResult:
    effect, low, high = _effect_and_interval(differences)
    best = _effect_and_interval(arms.differences(name, objective_measure(objective, "best")))
    is_worse = False
    if measure.metric != objective.metric:
        is_worse = (
            _effect_and_interval(arms.differences(name, objective_measure(objective, "last")))[2]
            < 0
        )
    needed = None
    if high <= 0 or is_worse:
        outcome = RemedyOutcome.DID_NOT
    elif low > 0 and p <= SIGNIFICANCE_LEVEL:
        outcome = RemedyOutcome.HELPED
    else:
        outcome = RemedyOutcome.CANNOT_TELL
        if effect > 0:
            needed = predict_seeds_needed(differences, test=PairedTest.SIGN_FLIP, tests=remedies)
    runs = arms.by_arm[name]
    return RemedyResult(
        name,
        len(differences),
        effect,
        low,
        high,
        p,
        outcome,
        *counts,
        needed,
        next(iter(runs.values())).trial.setting,
        measure.metric,
        measure.at,
        *best,
        diverged=sum(run.status is Status.DIVERGED for run in runs.values()),
        is_worse_at_end=is_worse,
    )


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
