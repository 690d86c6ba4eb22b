"""The tree-structured Parzen estimator (Bergstra et al. 2011), in Optuna's implementation."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nnlab.search.domain import ParamValues, as_proposed, domain_contains
from nnlab.search.optuna_adapter import (
    ask_trial,
    create_optuna_study,
    optuna_distributions,
    silence_optuna,
)
from nnlab.search.sampler_request import SamplerRequest, ScoredTrial

if TYPE_CHECKING:
    import optuna


def tpe_values(request: SamplerRequest, trials: Sequence[ScoredTrial]) -> Iterator[ParamValues]:
    """Proposes the next trials; unfinished trials count as poor ones (constant liar).

    The proposals depend only on `trials`, their number and the seed, so that an interrupted study
    continues with the same proposals.
    """
    import optuna  # slow to import, and an optional dependency

    with silence_optuna():
        sampler = optuna.samplers.TPESampler(
            seed=(request.seed + 1_000_003 * len(trials)) % 2**32,
            multivariate=True,
            constant_liar=True,
        )
        study = create_optuna_study(request, sampler)
        for trial in trials:
            study.add_trial(_to_frozen_trial(request, trial))
    while True:
        with silence_optuna():
            _, values = ask_trial(study, request.domains)
        yield values


def _to_frozen_trial(request: SamplerRequest, trial: ScoredTrial) -> "optuna.trial.FrozenTrial":
    """A stored trial as an Optuna trial, without the fields that do not apply to it."""
    from optuna.trial import TrialState, create_trial  # as in `tpe_values`

    params = {
        name: value
        for name, domain in request.domains.items()
        if name in trial.setting
        and domain_contains(domain, value := as_proposed(domain, trial.setting[name]))
    }
    distributions = optuna_distributions({name: request.domains[name] for name in params})
    state, value, curve = TrialState.RUNNING, None, {}
    if trial.score is not None:
        # TPE ranks pruned trials after completed ones, by their last epoch; trials without a value
        # rank last.
        state = TrialState.PRUNED
        if trial.pruned_at is not None and math.isfinite(trial.score):
            curve = {trial.pruned_at: trial.score}
        elif math.isfinite(trial.score):
            state, value = TrialState.COMPLETE, trial.score
    return create_trial(
        state=state,
        value=value,
        params=params,
        distributions=dict(distributions),
        intermediate_values=curve,
    )
