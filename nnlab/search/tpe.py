"""The tree-structured Parzen estimator (Bergstra et al. 2011), as Optuna has it."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nnlab.search.domain import ParamValues, domain_contains
from nnlab.search.optuna_adapter import (
    ask_trial,
    create_optuna_study,
    optuna_distributions,
    silence_optuna,
)
from nnlab.search.sampler_request import SamplerRequest, ScoredTrial

if TYPE_CHECKING:
    import optuna


def tpe_values(question: SamplerRequest, tried: Sequence[ScoredTrial]) -> Iterator[ParamValues]:
    """What to try next, given all that was tried; trials on the way count as mediocre.

    All that it knows comes from `tried`, and its random numbers from the seed and from how many
    that are. So it asks for the same whether or not it was stopped in between.
    """
    import optuna

    with silence_optuna():
        sampler = optuna.samplers.TPESampler(
            seed=(question.seed + 1_000_003 * len(tried)) % 2**32,
            multivariate=True,
            constant_liar=True,
        )
        study = create_optuna_study(question, sampler)
        for one in tried:
            study.add_trial(_to_frozen_trial(question, one))
    while True:
        with silence_optuna():
            _, values = ask_trial(study, question.domains)
        yield values


def _to_frozen_trial(question: SamplerRequest, tried: ScoredTrial) -> "optuna.trial.FrozenTrial":
    """A stored trial in Optuna's words; a field that does nothing in it is left out."""
    from optuna.trial import TrialState, create_trial

    known = {
        name: tried.setting[name]
        for name, domain in question.domains.items()
        if name in tried.setting and domain_contains(domain, tried.setting[name])
    }
    distributions = optuna_distributions({name: question.domains[name] for name in known})
    state, value, curve = TrialState.RUNNING, None, {}
    if tried.score is not None:
        # Pruned ones come after all others, longest first; one without any value comes last.
        state = TrialState.PRUNED
        if tried.pruned_at is not None and math.isfinite(tried.score):
            curve = {tried.pruned_at: tried.score}
        elif math.isfinite(tried.score):
            state, value = TrialState.COMPLETE, tried.score
    return create_trial(
        state=state,
        value=value,
        params=known,
        distributions=dict(distributions),
        intermediate_values=curve,
    )
