"""Trials of remedies: each is trained with the seeds of a control, compared with it and judged."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from nnlab import store
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
from nnlab.settings.setting_differences import differing_fields
from nnlab.settings.user_task import TASK_DEFINITIONS
from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.comparison import PairedTest, min_significant_seeds, predict_seeds_needed
from nnlab.stats.multiple_testing import holm_adjust
from nnlab.stats.paired import mean_and_half_width, sign_flip_p

CONTROL_ARM = "control"
# Fields that users rarely set, because their defaults follow from the data.
_FIELDS_FILLED_BY_DATA = ("loss", "objective", "test_fraction", "model", "inputs", "task")

ObjectiveEpoch = Literal["best", "last"]

# Fields that only change when a run ends. The best value of such a run is never better than the
# control's, so only the last epoch shows the effect of the remedy.
_STOPPING_FIELDS = frozenset({"early_stop", "stop_on"})


class RemedyOutcome(StrEnum):
    """The result of trying a remedy."""

    HELPED = "helped"
    DID_NOT = "did not help"
    CANNOT_TELL = "cannot tell yet"


@dataclass(frozen=True, slots=True)
class RemedyResult:
    """The effect of a remedy over `n` seeds, and whether it helped.

    `effect` is the improvement of the objective, in its unit; `low` and `high` are its 95 %
    confidence interval. `p` is the exact one-sided test of an effect above 0, corrected by Holm's
    method for all remedies tried. `still` is the number of runs that still have the finding, and
    `control` the same number for the control. `needed` is the number of seeds needed to decide,
    None if it cannot be predicted. `at` is the epoch of the objective: the best or the last one.
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
    at: ObjectiveEpoch = "best"

    @property
    def title(self) -> str:
        """The name, followed by the epoch of the objective unless that is the best one."""
        return self.name if self.at == "best" else f"{self.name} (last epoch)"


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


def min_seeds_for(remedies: int) -> int:
    """The smallest number of seeds with which one of this many remedies can be significant.

    >>> min_seeds_for(1), min_seeds_for(6)
    (5, 7)
    """
    # The test of a remedy is one-sided, which halves p and saves one seed.
    return min_significant_seeds(PairedTest.SIGN_FLIP, remedies) - 1


def max_remedies_for(seeds: int) -> int:
    """The largest number of remedies that can be tested with this many seeds.

    >>> max_remedies_for(5), max_remedies_for(7)
    (1, 6)
    """
    count = 0
    while min_seeds_for(count + 1) <= seeds:
        count += 1
    return count


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
    arms = {arm.name: arm.trials[0] for arm in study.arms}
    runs = store.runs(db, study=study.id, current_only=True)
    histories = store.histories(db, [run.id for run in runs], [objective.metric])
    findings = store.findings(db, [run.id for run in runs])
    by_arm: dict[str, dict[int, Run]] = {name: {} for name in arms}
    for run in runs:
        for name, digest in arms.items():
            if run.trial.digest == digest and not run.status.needs_training:
                by_arm[name][run.known_seed] = run
    values: dict[ObjectiveEpoch, dict[str, dict[int, float]]] = {
        "best": _objective_values(by_arm, histories, objective, "best"),
        "last": _objective_values(by_arm, histories, objective, "last"),
    }
    affected = {
        name: sum(
            any(finding.code == code for finding in findings.get(run.id, ()))
            for run in runs_by_seed.values()
        )
        for name, runs_by_seed in by_arm.items()
    }
    sign = 1.0 if objective.direction == "max" else -1.0
    names, epochs, improvements = [], [], []
    for name in arms:
        shared = sorted(set(by_arm[name]) & set(by_arm[CONTROL_ARM]))
        if name != CONTROL_ARM and len(shared) > 1:
            at = _objective_epoch(by_arm[name][shared[0]], by_arm[CONTROL_ARM][shared[0]])
            names.append(name)
            epochs.append(at)
            improvements.append(
                [sign * (values[at][name][s] - values[at][CONTROL_ARM][s]) for s in shared]
            )
    p_values = (
        holm_adjust([sign_flip_p(differences, "greater") for differences in improvements])
        if improvements
        else ()
    )
    results = []
    for name, at, differences, p in zip(names, epochs, improvements, p_values, strict=True):
        setting = next(iter(by_arm[name].values())).trial.setting
        counts = (affected[name], affected[CONTROL_ARM])
        results.append(
            _evaluate_remedy(name, differences, p, counts, setting, len(improvements), at)
        )
    return tuple(
        sorted(
            results, key=lambda result: (result.outcome is not RemedyOutcome.HELPED, -result.effect)
        )
    )


def _objective_epoch(run: Run, control: Run) -> ObjectiveEpoch:
    """The epoch at which a remedy is evaluated: the last one if it only stops runs earlier."""
    changed = set(differing_fields([run.trial.setting, control.trial.setting]))
    return "last" if changed <= _STOPPING_FIELDS else "best"


def _evaluate_remedy(
    name: str,
    differences: Sequence[float],
    p: float,
    counts: tuple[int, int],
    setting: Setting,
    remedies: int,
    at: ObjectiveEpoch,
) -> RemedyResult:
    effect, half_width = mean_and_half_width(differences)
    low, high = effect - half_width, effect + half_width
    needed = None
    if low > 0 and p <= SIGNIFICANCE_LEVEL:
        outcome = RemedyOutcome.HELPED
    elif high <= 0:
        outcome = RemedyOutcome.DID_NOT
    else:
        outcome = RemedyOutcome.CANNOT_TELL
        if effect > 0:
            needed = predict_seeds_needed(differences, test=PairedTest.SIGN_FLIP, tests=remedies)
    return RemedyResult(
        name, len(differences), effect, low, high, p, outcome, *counts, needed, setting, at
    )


def _objective_values(
    by_arm: Mapping[str, Mapping[int, Run]],
    histories: Mapping[int, History],
    objective: Objective,
    at: ObjectiveEpoch,
) -> dict[str, dict[int, float]]:
    """The objective at each run's best or last epoch; a run that diverged has the worst value."""
    all_values: list[float] = []
    values: dict[str, dict[int, float | None]] = {}
    for name, runs in by_arm.items():
        values[name] = {}
        for seed, run in runs.items():
            curve = histories[run.id].get(objective.metric)
            finite = [v for v in curve.values if math.isfinite(v)] if curve else []
            all_values += finite
            failed = run.status is Status.DIVERGED or not finite
            best = min if objective.direction == "min" else max
            value = finite[-1] if finite and at == "last" else best(finite, default=0.0)
            values[name][seed] = None if failed else value
    worst = (max if objective.direction == "min" else min)(all_values, default=0.0)
    return {
        name: {seed: worst if value is None else value for seed, value in by_seed.items()}
        for name, by_seed in values.items()
    }
