"""The trials of a script: all combinations of the values of its flags, or a sampler's choices."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.errors import ConfigError, UsageError
from nnlab.objective import Objective, Scalar, Setting
from nnlab.records import Origin, Sampler, Study
from nnlab.scripts.flag_values import FlagValues
from nnlab.scripts.script_spec import (
    EXTRA_ARGUMENTS_NAME,
    PROCESSES_NAME,
    RESERVED_NAMES,
    ScriptSpec,
    join_arguments,
    script_setting,
)
from nnlab.search import ScoredTrial, check_sampler, sampled_domains
from nnlab.settings.ranges import Range
from nnlab.settings.space import MAX_TRIALS, Space
from nnlab.settings.untyped_fields import untyped_field
from nnlab.study.next_trials import suggest_trials


@dataclass(frozen=True, slots=True)
class ScriptTrial:
    """One trial of a script: the values of its flags, and the digest that identifies them."""

    setting: Setting
    digest: str


ExpandScriptSpace = Callable[[Space], tuple[ScriptTrial, ...]]


def script_space(values: FlagValues, processes: int | None, *, whole_ranges: bool) -> Space:
    """The values of the flags by name, as a study stores its space.

    Args:
        values: what the command line sets.
        processes: how many processes torchrun starts for each run.
        whole_ranges: keep the text of a range for a sampler, instead of its values.

    Raises:
        ConfigError: a flag has a name that nnlab uses in settings.
    """
    reserved = [name for name in RESERVED_NAMES if name in {**values.fixed, **values.axes}]
    if reserved:
        raise ConfigError(
            [f"--{name}: nnlab stores something else under this name" for name in reserved],
            hint="pass it after --, unchanged",
        )
    space: dict[str, tuple[Scalar, ...]] = {name: (v,) for name, v in values.fixed.items()}
    for name, axis in values.axes.items():
        if not isinstance(axis, Range):
            space[name] = axis
        elif whole_ranges and axis.count is None:
            space[name] = (str(axis),)
        else:
            numbers = dict.fromkeys(axis.values())
            space[name] = tuple(int(n) if axis.whole else n for n in numbers)
    if values.rest:
        space[EXTRA_ARGUMENTS_NAME] = (join_arguments(values.rest),)
    if processes is not None:
        space[PROCESSES_NAME] = (processes,)
    return space


def make_script_expander(spec: ScriptSpec) -> ExpandScriptSpace:
    """A function that returns every combination of the values of a space as trials."""

    def expand(space: Space) -> tuple[ScriptTrial, ...]:
        size = math.prod(len(values) for values in space.values())
        if size > MAX_TRIALS:
            raise UsageError(
                f"the flags have {size:,} combinations, more than {MAX_TRIALS:,}",
                hint="list fewer values, or let a sampler choose: nnlab init-study --sampler",
            )
        trials = {}
        for values in itertools.product(*space.values()):
            setting, digest = script_setting(spec, dict(zip(space, values, strict=True)))
            trials[digest] = ScriptTrial(setting, digest)
        return tuple(trials.values())

    return expand


def initial_script_trials(
    spec: ScriptSpec, space: Space, sampler: Sampler | None, objective: Objective | None
) -> tuple[ScriptTrial, ...]:
    """All trials of a space, or those that a sampler begins with.

    Raises:
        ConfigError: the sampler has nothing to choose from, or no objective.
        UsageError: there are too many combinations, or the sampler needs a missing package.
    """
    expand = make_script_expander(spec)
    if sampler is None or sampler.name == "grid":
        return expand(space)
    domains = sampled_domains(space, untyped_field)
    if not domains:
        raise ConfigError(
            [f"--sampler {sampler.name} has nothing to choose: give a range, as --lr 1e-4..1e-1"]
        )
    if objective is None:
        raise ConfigError(
            ["--sampler needs a metric to optimize: --objective val/acc:max or val/loss:min"]
        )
    check_sampler(sampler.name, domains)
    return suggest_trials(sampler, space, objective, (), expand, find_field=untyped_field)


def suggest_script_runs(
    study: Study,
    objective: Objective,
    scored_trials: Sequence[ScoredTrial],
    *,
    name: str | None,
    tags: tuple[str, ...],
) -> list[store.RunSpec]:
    """The runs of the trials of a script that the sampler of its study suggests next."""
    if study.sampler is None or study.space is None or study.script is None:
        return []
    spec = ScriptSpec.from_json(study.script)
    expand = make_script_expander(spec)
    trials = suggest_trials(
        study.sampler, study.space, objective, scored_trials, expand, find_field=untyped_field
    )
    return script_run_specs(trials, study.seeds, name=name, tags=tags)


def script_run_specs(
    trials: Sequence[ScriptTrial], seeds: Sequence[int], *, name: str | None, tags: tuple[str, ...]
) -> list[store.RunSpec]:
    """The runs of trials; all trials with the first seed come first."""
    return [
        store.RunSpec(trial.setting, trial.digest, seed, 0, name, tags, Origin.SCRIPT)
        for seed in seeds
        for trial in trials
    ]
