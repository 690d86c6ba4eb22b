"""Remedies tried: each beside the run's own setting, on the same seeds, and judged."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from nnlab import store
from nnlab.config import RunConfig, choosables, default_in, digest_of, resolve, setting_of
from nnlab.config.space import differing
from nnlab.diagnose.remedies import Remedy
from nnlab.engine.data import facts
from nnlab.engine.user_code import model_version
from nnlab.errors import ConfigError, UserCodeRefused
from nnlab.objective import Objective, Setting
from nnlab.records import History, Run, Status, Study
from nnlab.stats.claims import SIGNIFICANT
from nnlab.stats.comparison import Test, fewest_seeds, seeds_needed
from nnlab.stats.multiple import holm
from nnlab.stats.paired import mean_and_half_width, sign_flip

CONTROL = "control"
# Fields that are left open mostly, and filled in by the data.
_OPEN = ("loss", "objective", "test_fraction")


At = Literal["best", "last"]

# Fields that change when a run ends and nothing before. The best epoch of such a run is the
# control's, or one that the control reached later: only the last epoch shows what was gained.
_END_FIELDS = frozenset({"early_stop", "stop_on"})


class Outcome(StrEnum):
    """What trying a remedy has shown."""

    HELPED = "helped"
    DID_NOT = "did not help"
    CANNOT_TELL = "cannot tell yet"


@dataclass(frozen=True, slots=True)
class Tried:
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
    outcome: Outcome
    still: int
    control: int
    needed: int | None
    setting: Setting
    at: At = "best"

    @property
    def title(self) -> str:
        """The name, and where the objective was read unless that was at the best epoch."""
        return self.name if self.at == "best" else f"{self.name} (last epoch)"


def settings_of(setting: Setting, remedies: Sequence[Remedy]) -> dict[str, Setting]:
    """The settings to train, by the remedy's name; remedies that do not fit are left out."""
    found = {CONTROL: setting}
    for remedy in remedies:
        try:
            changed = changed_setting(setting, remedy)
        except ConfigError:
            continue
        if changed not in found.values():
            found[remedy.name] = changed
    return found


def plans_of(settings: Iterable[Setting], seeds: Sequence[int]) -> list[store.Plan]:
    """The runs of settings on the same seeds."""
    return [
        store.Plan(setting, digest_of(setting), seed, int(str(setting["epochs"])))
        for seed in seeds
        for setting in settings
    ]


def changed_setting(setting: Setting, remedy: Remedy) -> Setting:
    """A setting with a remedy's changes; what depends on a changed choice has its default.

    Raises:
        ConfigError: the changed setting does not hold.
    """
    known = choosables()
    changed = [name for name in remedy.changes if setting.get(name) != remedy.changes[name]]
    kept = {
        name: value
        for name, value in setting.items()
        if name in known and known[name].option.of not in changed
    }
    # A learning rate that was tuned stays; one that follows from the optimizer does too.
    config = RunConfig(**{**kept, **remedy.changes})  # type: ignore[arg-type]
    return _resolved(config, setting)


def typed_fields(setting: Setting) -> list[str]:
    """The fields that must be typed to get a setting; the others follow from them.

    Where the user's data would have to be made to see what follows, and may not be (`refused` in
    `engine.user`), the fields that the data fill in are all among them.
    """
    known = choosables()
    wanted = [
        name
        for name in known
        if name in setting and name != "seed" and setting[name] != default_in(name, setting)[1]
    ]
    for name in _OPEN:
        without = [one for one in wanted if one != name]
        if name in wanted and _is_made_of(setting, without):
            wanted = without
    return wanted


def _is_made_of(setting: Setting, names: Sequence[str]) -> bool:
    try:
        return _made_of(setting, names) == setting
    except UserCodeRefused:
        return False


def _made_of(setting: Setting, names: Sequence[str]) -> Setting:
    config = RunConfig(**{name: setting[name] for name in names})  # type: ignore[arg-type]
    return _resolved(config, setting)


def _resolved(config: RunConfig, setting: Setting) -> Setting:
    version = setting.get("start_version")
    resolved = resolve(
        config,
        facts(config.data),
        model_version=model_version(config.model),
        start_version=None if version is None else str(version),
    )
    return setting_of(resolved)


def fewest_for(remedies: int) -> int:
    """The seeds below which no result could prove one of so many remedies.

    >>> fewest_for(1), fewest_for(6)
    (5, 7)
    """
    return fewest_seeds(Test.SIGN_FLIP, remedies) - 1  # it is asked on one side only


def most_for(seeds: int) -> int:
    """The number of remedies above which no result with so many seeds could prove one.

    >>> most_for(5), most_for(7)
    (1, 6)
    """
    count = 0
    while fewest_for(count + 1) <= seeds:
        count += 1
    return count


def judge_remedies(
    db: store.Database, study: Study, objective: Objective, code: str
) -> tuple[Tried, ...]:
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
            if run.trial.digest == digest and not run.status.is_missing:
                by_arm[name][run.seed] = run
    values: dict[At, dict[str, dict[int, float]]] = {
        "best": _values(by_arm, histories, objective, "best"),
        "last": _values(by_arm, histories, objective, "last"),
    }
    sick = {
        name: sum(any(f.code == code for f in found.get(run.id, ())) for run in of.values())
        for name, of in by_arm.items()
    }
    sign = 1.0 if objective.direction == "max" else -1.0
    names, places, changes = [], [], []
    for name in arms:
        both = sorted(set(by_arm[name]) & set(by_arm[CONTROL]))
        if name != CONTROL and len(both) > 1:
            at = _judged_at(by_arm[name][both[0]], by_arm[CONTROL][both[0]])
            names.append(name)
            places.append(at)
            changes.append([sign * (values[at][name][s] - values[at][CONTROL][s]) for s in both])
    ps = holm([sign_flip(one, "greater") for one in changes]) if changes else ()
    tried = []
    for name, at, change, p in zip(names, places, changes, ps, strict=True):
        setting = next(iter(by_arm[name].values())).trial.setting
        counts = (sick[name], sick[CONTROL])
        tried.append(_judged(name, change, p, counts, setting, len(changes), at))
    return tuple(sorted(tried, key=lambda one: (one.outcome is not Outcome.HELPED, -one.effect)))


def _judged_at(run: Run, control: Run) -> At:
    """Where the objective of a remedy is read: at the last epoch if it only ends runs earlier."""
    changed = set(differing([run.trial.setting, control.trial.setting]))
    return "last" if changed <= _END_FIELDS else "best"


def _judged(
    name: str,
    change: Sequence[float],
    p: float,
    counts: tuple[int, int],
    setting: Setting,
    remedies: int,
    at: At,
) -> Tried:
    effect, half = mean_and_half_width(change)
    low, high = effect - half, effect + half
    needed = None
    if low > 0 and p <= SIGNIFICANT:
        outcome = Outcome.HELPED
    elif high <= 0:
        outcome = Outcome.DID_NOT
    else:
        outcome = Outcome.CANNOT_TELL
        better = effect > 0
        needed = seeds_needed(change, test=Test.SIGN_FLIP, tests=remedies) if better else None
    return Tried(name, len(change), effect, low, high, p, outcome, *counts, needed, setting, at)


def _values(
    by_arm: Mapping[str, Mapping[int, Run]],
    histories: Mapping[int, History],
    objective: Objective,
    at: At,
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
