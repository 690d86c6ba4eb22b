"""The tree-structured Parzen estimator (Bergstra et al. 2011), as Optuna has it."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nnlab.search.domain import Values, holds
from nnlab.search.question import Question, Tried
from nnlab.search.with_optuna import asked, distributions_of, quiet, study_for

if TYPE_CHECKING:
    import optuna


def tpe_values(question: Question, tried: Sequence[Tried]) -> Iterator[Values]:
    """What to try next, given all that was tried; trials on the way count as mediocre.

    All that it knows comes from `tried`, and its random numbers from the seed and from how many
    that are. So it asks for the same whether or not it was stopped in between.
    """
    import optuna

    with quiet():
        sampler = optuna.samplers.TPESampler(
            seed=(question.seed + 1_000_003 * len(tried)) % 2**32,
            multivariate=True,
            constant_liar=True,
        )
        study = study_for(question, sampler)
        for one in tried:
            study.add_trial(_frozen(question, one))
    while True:
        with quiet():
            _, values = asked(study, question.domains)
        yield values


def _frozen(question: Question, tried: Tried) -> "optuna.trial.FrozenTrial":
    """A stored trial in Optuna's words; a field that does nothing in it is left out."""
    from optuna.trial import TrialState, create_trial

    known = {
        name: tried.setting[name]
        for name, domain in question.domains.items()
        if name in tried.setting and holds(domain, tried.setting[name])
    }
    distributions = distributions_of({name: question.domains[name] for name in known})
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
