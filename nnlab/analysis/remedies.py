"""Remedies tried: each beside the run's own setting, on the same seeds, and judged."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from nnlab import store
from nnlab.config import (
    RunConfig,
    default_for_setting,
    digest_of,
    resolve,
    setting_fields,
    setting_of,
)
from nnlab.config.space import differing_fields
from nnlab.diagnose.remedies import Remedy
from nnlab.engine.data import dataset_facts
from nnlab.engine.user_code import model_version
from nnlab.errors import ConfigError, UserCodeRefused
from nnlab.objective import Objective, Setting
from nnlab.records import History, Run, Status, Study
from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.comparison import PairedTest, min_significant_seeds, predict_seeds_needed
from nnlab.stats.multiple_testing import holm_adjust
from nnlab.stats.paired import mean_and_half_width, sign_flip_p

CONTROL_ARM = "control"
# Fields that are left open mostly, and filled in by the data.
_FIELDS_FILLED_BY_DATA = ("loss", "objective", "test_fraction")


ObjectiveEpoch = Literal["best", "last"]

# Fields that change when a run ends and nothing before. The best epoch of such a run is the
# control's, or one that the control reached later: only the last epoch shows what was gained.
_STOPPING_FIELDS = frozenset({"early_stop", "stop_on"})


class RemedyOutcome(StrEnum):
    """What trying a remedy has shown."""

    HELPED = "helped"
    DID_NOT = "did not help"
    CANNOT_TELL = "cannot tell yet"


@dataclass(frozen=True, slots=True)
class RemedyResult:
    """A remedy after it ran: `effect` is how much better the objective became, in its unit.

    `low` and `high` bound the effect at 95 %, `p` is the exact test that it is above 0, by Holm
    for all remedies tried. `still` are the runs in which the finding remained, `control` those of
    the control. `needed` is how many seeds would tell, None where that cannot be said. `at` is
    where the objective was read: at the best epoch of each run, or at its last one.
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
        """The name, and where the objective was read unless that was at the best epoch."""
        return self.name if self.at == "best" else f"{self.name} (last epoch)"


def remedy_settings(setting: Setting, remedies: Sequence[Remedy]) -> dict[str, Setting]:
    """The settings to train, by the remedy's name; remedies that do not fit are left out."""
    found = {CONTROL_ARM: setting}
    for remedy in remedies:
        try:
            changed = apply_remedy(setting, remedy)
        except ConfigError:
            continue
        if changed not in found.values():
            found[remedy.name] = changed
    return found


def remedy_run_specs(settings: Iterable[Setting], seeds: Sequence[int]) -> list[store.RunSpec]:
    """The runs of settings on the same seeds."""
    return [
        store.RunSpec(setting, digest_of(setting), seed, int(str(setting["epochs"])))
        for seed in seeds
        for setting in settings
    ]


def apply_remedy(setting: Setting, remedy: Remedy) -> Setting:
    """A setting with a remedy's changes; what depends on a changed choice has its default.

    Raises:
        ConfigError: the changed setting does not hold.
    """
    known = setting_fields()
    changed = [name for name in remedy.changes if setting.get(name) != remedy.changes[name]]
    kept = {
        name: value
        for name, value in setting.items()
        if name in known and known[name].option.default_from not in changed
    }
    # A learning rate that was tuned stays; one that follows from the optimizer does too.
    config = RunConfig(**{**kept, **remedy.changes})  # type: ignore[arg-type]
    return _resolve_setting(config, setting)


def minimal_fields(setting: Setting) -> list[str]:
    """The fields that must be typed to get a setting; the others follow from them.

    Where the user's data would have to be made to see what follows, and may not be (`refused` in
    `engine.user`), the fields that the data fill in are all among them.
    """
    known = setting_fields()
    wanted = [
        name
        for name in known
        if name in setting
        and name != "seed"
        and setting[name] != default_for_setting(name, setting)[1]
    ]
    for name in _FIELDS_FILLED_BY_DATA:
        without = [one for one in wanted if one != name]
        if name in wanted and _resolves_to(setting, without):
            wanted = without
    return wanted


def _resolves_to(setting: Setting, names: Sequence[str]) -> bool:
    try:
        return _resolve_fields(setting, names) == setting
    except UserCodeRefused:
        return False


def _resolve_fields(setting: Setting, names: Sequence[str]) -> Setting:
    config = RunConfig(**{name: setting[name] for name in names})  # type: ignore[arg-type]
    return _resolve_setting(config, setting)


def _resolve_setting(config: RunConfig, setting: Setting) -> Setting:
    version = setting.get("start_version")
    resolved = resolve(
        config,
        dataset_facts(config.data),
        model_version=model_version(config.model),
        start_version=None if version is None else str(version),
    )
    return setting_of(resolved)


def min_seeds_for(remedies: int) -> int:
    """The seeds below which no result could prove one of so many remedies.

    >>> fewest_for(1), fewest_for(6)
    (5, 7)
    """
    return min_significant_seeds(PairedTest.SIGN_FLIP, remedies) - 1  # it is asked on one side only


def max_remedies_for(seeds: int) -> int:
    """The number of remedies above which no result with so many seeds could prove one.

    >>> most_for(5), most_for(7)
    (1, 6)
    """
    count = 0
    while min_seeds_for(count + 1) <= seeds:
        count += 1
    return count


def evaluate_remedies(
    db: store.Database, study: Study, objective: Objective, code: str
) -> tuple[RemedyResult, ...]:
    """What the runs of a study of remedies say, best first.

    Args:
        db: the database.
        study: whose arms are the control and the remedies.
        objective: what is to become better.
        code: of the finding that is to go.
    """
    arms = {arm.name: arm.trials[0] for arm in study.arms}
    runs = store.runs(db, study=study.id, current_only=True)
    histories = store.histories(db, [run.id for run in runs], [objective.metric])
    found = store.findings(db, [run.id for run in runs])
    by_arm: dict[str, dict[int, Run]] = {name: {} for name in arms}
    for run in runs:
        for name, digest in arms.items():
            if run.trial.digest == digest and not run.status.needs_training:
                by_arm[name][run.seed] = run
    values: dict[ObjectiveEpoch, dict[str, dict[int, float]]] = {
        "best": _objective_values(by_arm, histories, objective, "best"),
        "last": _objective_values(by_arm, histories, objective, "last"),
    }
    sick = {
        name: sum(any(f.code == code for f in found.get(run.id, ())) for run in of.values())
        for name, of in by_arm.items()
    }
    sign = 1.0 if objective.direction == "max" else -1.0
    names, places, changes = [], [], []
    for name in arms:
        both = sorted(set(by_arm[name]) & set(by_arm[CONTROL_ARM]))
        if name != CONTROL_ARM and len(both) > 1:
            at = _objective_epoch(by_arm[name][both[0]], by_arm[CONTROL_ARM][both[0]])
            names.append(name)
            places.append(at)
            changes.append(
                [sign * (values[at][name][s] - values[at][CONTROL_ARM][s]) for s in both]
            )
    ps = holm_adjust([sign_flip_p(one, "greater") for one in changes]) if changes else ()
    tried = []
    for name, at, change, p in zip(names, places, changes, ps, strict=True):
        setting = next(iter(by_arm[name].values())).trial.setting
        counts = (sick[name], sick[CONTROL_ARM])
        tried.append(_evaluate_remedy(name, change, p, counts, setting, len(changes), at))
    return tuple(
        sorted(tried, key=lambda one: (one.outcome is not RemedyOutcome.HELPED, -one.effect))
    )


def _objective_epoch(run: Run, control: Run) -> ObjectiveEpoch:
    """Where the objective of a remedy is read: at the last epoch if it only ends runs earlier."""
    changed = set(differing_fields([run.trial.setting, control.trial.setting]))
    return "last" if changed <= _STOPPING_FIELDS else "best"


def _evaluate_remedy(
    name: str,
    change: Sequence[float],
    p: float,
    counts: tuple[int, int],
    setting: Setting,
    remedies: int,
    at: ObjectiveEpoch,
) -> RemedyResult:
    effect, half = mean_and_half_width(change)
    low, high = effect - half, effect + half
    needed = None
    if low > 0 and p <= SIGNIFICANCE_LEVEL:
        outcome = RemedyOutcome.HELPED
    elif high <= 0:
        outcome = RemedyOutcome.DID_NOT
    else:
        outcome = RemedyOutcome.CANNOT_TELL
        better = effect > 0
        needed = (
            predict_seeds_needed(change, test=PairedTest.SIGN_FLIP, tests=remedies)
            if better
            else None
        )
    return RemedyResult(
        name, len(change), effect, low, high, p, outcome, *counts, needed, setting, at
    )


def _objective_values(
    by_arm: Mapping[str, Mapping[int, Run]],
    histories: Mapping[int, History],
    objective: Objective,
    at: ObjectiveEpoch,
) -> dict[str, dict[int, float]]:
    """The objective at each run's best or last epoch; a run that diverged has the worst value."""
    met: list[float] = []
    found: dict[str, dict[int, float | None]] = {}
    for name, runs in by_arm.items():
        found[name] = {}
        for seed, run in runs.items():
            curve = histories[run.id].get(objective.metric)
            finite = [v for v in curve.values if math.isfinite(v)] if curve else []
            met += finite
            lost = run.status is Status.DIVERGED or not finite
            best = min if objective.direction == "min" else max
            reached = finite[-1] if finite and at == "last" else best(finite, default=0.0)
            found[name][seed] = None if lost else reached
    worst = (max if objective.direction == "min" else min)(met, default=0.0)
    return {
        name: {seed: worst if value is None else value for seed, value in of.items()}
        for name, of in found.items()
    }
