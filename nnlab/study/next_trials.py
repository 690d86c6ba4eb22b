"""The next trials of a study with a sampler, from its previous trials and their results.

A sampler keeps no state of its own: each call passes it all trials of the database. A study that
was killed therefore continues as if it had not been interrupted.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from nnlab import store
from nnlab.errors import UsageError
from nnlab.objective import Objective
from nnlab.records import Run, Sampler, Status, Study
from nnlab.search import (
    NON_ADAPTIVE_SAMPLERS,
    FindField,
    ParamValues,
    SamplerRequest,
    ScoredTrial,
    fixed_values,
    next_values,
    sampled_domains,
)
from nnlab.settings import setting_field
from nnlab.settings.space import Space

# Trials that an adaptive sampler suggests per call, by default.
DEFAULT_TRIALS_PER_CALL = 4


class SuggestedTrial(Protocol):
    """A trial of nnlab or of a script, identified by its digest."""

    @property
    def digest(self) -> str:
        """The digest of its setting."""


TrialT = TypeVar("TrialT", bound=SuggestedTrial)


def is_adaptive(sampler: Sampler | None) -> bool:
    """True where the next trials depend on the results of the previous ones."""
    return (
        sampler is not None and sampler.name != "grid" and sampler.name not in NON_ADAPTIVE_SAMPLERS
    )


def sampled_objective(study: Study) -> Objective:
    """The objective of a study with a sampler.

    Raises:
        UsageError: the study has none, so its trials cannot be scored.
    """
    if study.objective is None:
        raise UsageError(f"study '{study.name}' has no objective that a sampler could optimize")
    return study.objective


def suggest_trials(
    sampler: Sampler,
    space: Space,
    objective: Objective,
    scored_trials: Sequence[ScoredTrial],
    expand: Callable[[Space], tuple[TrialT, ...]],
    *,
    find_field: FindField = setting_field,
) -> tuple[TrialT, ...]:
    """The trials to add: a few from an adaptive sampler, all at once from any other.

    Args:
        sampler: its name, and its options `trials`, `seed` and `at_once`.
        space: values and ranges by field.
        objective: the metric and its direction.
        scored_trials: the previous trials, in the order in which they were suggested.
        expand: turns a space into trials.
        find_field: the field of a name in the space.

    Raises:
        ConfigError: the suggested values are not a valid setting.
    """
    fixed = {name: (value,) for name, value in fixed_values(space, find_field).items()}
    trials_by_digest: dict[str, TrialT] = {}

    def trial_digest(values: ParamValues) -> str:
        (trial,) = expand(fixed | {name: (value,) for name, value in values.items()})
        trials_by_digest[trial.digest] = trial
        return trial.digest

    options = sampler.options
    remaining = int(options["trials"] or 0) - len(scored_trials)
    count = (
        min(remaining, int(options["at_once"] or DEFAULT_TRIALS_PER_CALL))
        if is_adaptive(sampler)
        else remaining
    )
    if count <= 0:
        return ()
    domains = sampled_domains(space, find_field)
    request = SamplerRequest(domains, objective.direction, int(options["seed"] or 0), trial_digest)
    suggestions = next_values(sampler.name, request, scored_trials, count)
    return tuple(trials_by_digest[trial_digest(values)] for values in suggestions)


def load_scored_trials(db: store.Database, study: Study) -> tuple[ScoredTrial, ...]:
    """The trials of a study with their scores, in the order in which they were suggested."""
    runs_by_trial: dict[int, list[Run]] = defaultdict(list)
    for run in store.runs(db, study=study.id, current_only=True):
        runs_by_trial[run.trial.id].append(run)
    objective = sampled_objective(study)
    ranked = store.rank_trials(
        db, metric=objective.metric, direction=objective.direction, study_ids=[study.id]
    )
    means = {trial.trial_id: trial.mean for trial in ranked}
    return tuple(
        _score_trial(runs_by_trial[trial_id], means.get(trial_id, math.nan))
        for trial_id in sorted(runs_by_trial)
    )


def _score_trial(runs: Sequence[Run], mean: float) -> ScoredTrial:
    """The score of a trial: its mean, NaN where a run failed or diverged, None if unfinished."""
    statuses = {run.status for run in runs}
    pruned = [run.pruned_at for run in runs if run.pruned_at is not None]
    score: float | None = mean
    if statuses & {Status.FAILED, Status.DIVERGED}:
        score = math.nan
    elif statuses != {Status.FINISHED}:
        score = None
    trial = runs[0].trial
    return ScoredTrial(trial.digest, trial.setting, score, min(pruned, default=None))
