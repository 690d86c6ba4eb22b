"""What a study with a sampler tries next, from what it has tried and how that went.

Nothing of a sampler is kept beside the trials themselves: it is asked anew each time, told all
that the database knows. So a study that was killed goes on as if it never had been.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

from nnlab import store
from nnlab.config.space import Space, TrialSpec
from nnlab.objective import Objective
from nnlab.records import Run, Sampler, Status, Study
from nnlab.search import (
    NON_ADAPTIVE_SAMPLERS,
    ParamValues,
    SamplerRequest,
    ScoredTrial,
    fixed_values,
    next_values,
    sampled_domains,
)

# How many trials a sampler that learns is asked for at once, unless told otherwise.
DEFAULT_TRIALS_PER_CALL = 4

# Multiplies a space out to trials, each checked.
ExpandSpace = Callable[[Space], tuple[TrialSpec, ...]]


def is_adaptive(sampler: Sampler | None) -> bool:
    """Whether what is tried next depends on how the others went."""
    return (
        sampler is not None and sampler.name != "grid" and sampler.name not in NON_ADAPTIVE_SAMPLERS
    )


def suggest_trials(
    sampler: Sampler,
    space: Space,
    objective: Objective,
    tried: Sequence[ScoredTrial],
    expand: ExpandSpace,
) -> tuple[TrialSpec, ...]:
    """The trials to add: all at once where the sampler does not learn, else some of them.

    Args:
        sampler: its name, and its options `trials`, `seed` and `at_once`.
        space: values and ranges by field.
        objective: what tells which trial is better.
        tried: those before, in the order in which they were asked for.
        expand: what makes a trial of a value for each field.

    Raises:
        ConfigError: values that do not hold together.
    """
    fixed = {name: (value,) for name, value in fixed_values(space).items()}
    made: dict[str, TrialSpec] = {}

    def identity(values: ParamValues) -> str:
        (point,) = expand(fixed | {name: (value,) for name, value in values.items()})
        made[point.digest] = point
        return point.digest

    options = sampler.options
    left = int(options["trials"] or 0) - len(tried)
    count = (
        min(left, int(options["at_once"] or DEFAULT_TRIALS_PER_CALL))
        if is_adaptive(sampler)
        else left
    )
    if count <= 0:
        return ()
    question = SamplerRequest(
        sampled_domains(space), objective.direction, int(options["seed"] or 0), identity
    )
    found = next_values(sampler.name, question, tried, count)
    return tuple(made[identity(values)] for values in found)


def load_scored_trials(db: store.Database, study: Study) -> tuple[ScoredTrial, ...]:
    """The trials of a study and how each went, in the order in which they were asked for."""
    by_trial: dict[int, list[Run]] = defaultdict(list)
    for run in store.runs(db, study=study.id, current_only=True):
        by_trial[run.trial.id].append(run)
    assert study.objective is not None
    ranked = store.rank_trials(
        db,
        metric=study.objective.metric,
        direction=study.objective.direction,
        study_ids=[study.id],
    )
    means = {trial.trial_id: trial.mean for trial in ranked}
    return tuple(
        _score_trial(by_trial[number], means.get(number, math.nan)) for number in sorted(by_trial)
    )


def _score_trial(runs: Sequence[Run], mean: float) -> ScoredTrial:
    statuses = {run.status for run in runs}
    pruned = [run.pruned_at for run in runs if run.pruned_at is not None]
    score: float | None = mean
    if statuses & {Status.FAILED, Status.DIVERGED}:
        score = math.nan
    elif statuses != {Status.FINISHED}:
        score = None
    trial = runs[0].trial
    return ScoredTrial(trial.digest, trial.setting, score, min(pruned, default=None))
