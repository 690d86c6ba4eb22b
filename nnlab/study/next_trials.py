"""What a study with a sampler tries next, from what it has tried and how that went.

Nothing of a sampler is kept beside the trials themselves: it is asked anew each time, told all
that the database knows. So a study that was killed goes on as if it never had been.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

from nnlab import store
from nnlab.config.space import Point, Space
from nnlab.objective import Objective
from nnlab.records import Run, Sampler, Status, Study
from nnlab.search import BEFOREHAND, Question, Tried, Values, domains_of, fixed_in, next_values

# How many trials a sampler that learns is asked for at once, unless told otherwise.
AT_ONCE = 4

# Multiplies a space out to trials, each checked.
Expand = Callable[[Space], tuple[Point, ...]]


def learns(sampler: Sampler | None) -> bool:
    """Whether what is tried next depends on how the others went."""
    return sampler is not None and sampler.name != "grid" and sampler.name not in BEFOREHAND


def next_points(
    sampler: Sampler, space: Space, objective: Objective, tried: Sequence[Tried], expand: Expand
) -> tuple[Point, ...]:
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
    fixed = {name: (value,) for name, value in fixed_in(space).items()}
    made: dict[str, Point] = {}

    def identity(values: Values) -> str:
        (point,) = expand(fixed | {name: (value,) for name, value in values.items()})
        made[point.digest] = point
        return point.digest

    options = sampler.options
    left = int(options["trials"] or 0) - len(tried)
    count = min(left, int(options["at_once"] or AT_ONCE)) if learns(sampler) else left
    if count <= 0:
        return ()
    question = Question(domains_of(space), objective.direction, int(options["seed"] or 0), identity)
    found = next_values(sampler.name, question, tried, count)
    return tuple(made[identity(values)] for values in found)


def tried_in(db: store.Database, study: Study) -> tuple[Tried, ...]:
    """The trials of a study and how each went, in the order in which they were asked for."""
    by_trial: dict[int, list[Run]] = defaultdict(list)
    for run in store.runs(db, study=study.id, current_only=True):
        by_trial[run.trial.id].append(run)
    assert study.objective is not None
    ranked = store.ranking(
        db,
        metric=study.objective.metric,
        direction=study.objective.direction,
        study_ids=[study.id],
    )
    means = {trial.trial_id: trial.mean for trial in ranked}
    return tuple(
        _tried(by_trial[number], means.get(number, math.nan)) for number in sorted(by_trial)
    )


def _tried(runs: Sequence[Run], mean: float) -> Tried:
    statuses = {run.status for run in runs}
    pruned = [run.pruned_at for run in runs if run.pruned_at is not None]
    score: float | None = mean
    if statuses & {Status.FAILED, Status.DIVERGED}:
        score = math.nan
    elif statuses != {Status.FINISHED}:
        score = None
    trial = runs[0].trial
    return Tried(trial.digest, trial.setting, score, min(pruned, default=None))
