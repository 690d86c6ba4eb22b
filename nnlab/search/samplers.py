"""The tables of samplers, and the choice of the next trials from their proposals."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice

from nnlab.search.cma_es import cma_es_values, generation_size
from nnlab.search.domain import Domains, ParamValues
from nnlab.search.optuna_adapter import check_optuna
from nnlab.search.sampler_request import SamplerRequest, ScoredTrial
from nnlab.search.tpe import tpe_values
from nnlab.search.unit_cube import random_values, sobol_values

# Their proposals do not depend on results, so that all trials can be queued at once.
NON_ADAPTIVE_SAMPLERS: Mapping[str, Callable[[SamplerRequest], Iterator[ParamValues]]] = {
    "random": random_values,
    "sobol": sobol_values,
}

# Their proposals depend on results, so they are asked once per round.
ADAPTIVE_SAMPLERS: Mapping[
    str, Callable[[SamplerRequest, Sequence[ScoredTrial]], Iterator[ParamValues]]
] = {
    "tpe": tpe_values,
    "cma-es": cma_es_values,
}

# After this many known proposals, a small space counts as exhausted.
_MAX_KNOWN_TRIALS = 200
_MAX_DRAWS = 5000


def check_sampler(name: str, domains: Domains) -> None:
    """Checks that a sampler can be used with the domains.

    Raises:
        UsageError: a package is missing.
        ConfigError: cma-es has fewer than two ranges.
    """
    if name in ADAPTIVE_SAMPLERS:
        check_optuna(name)
    if name == "cma-es":
        generation_size(domains)


def next_values(
    name: str, request: SamplerRequest, trials: Sequence[ScoredTrial], count: int
) -> tuple[ParamValues, ...]:
    """The values of the next trials, none of which is in `trials`; empty if the space is exhausted.

    Args:
        name: name of the sampler.
        request: the domains, the direction and the seed.
        trials: all trials so far, in the order in which they were proposed.
        count: maximum number of trials; cma-es proposes at most the rest of a generation.
    """
    digests = {trial.digest for trial in trials}
    if name in NON_ADAPTIVE_SAMPLERS:
        proposals = islice(NON_ADAPTIVE_SAMPLERS[name](request), _MAX_DRAWS + 100 * count)
        return tuple(islice(_drop_known(proposals, request, digests), count))
    proposals = islice(ADAPTIVE_SAMPLERS[name](request, trials), _MAX_KNOWN_TRIALS + count)
    new_values = tuple(islice(_drop_known(proposals, request, digests), count))
    if new_values or any(trial.score is None for trial in trials):
        return new_values
    # The sampler repeats itself. Random draws find the last settings of a small space.
    draws = islice(random_values(request), _MAX_DRAWS)
    return tuple(islice(_drop_known(draws, request, digests), count))


def _drop_known(
    proposals: Iterator[ParamValues], request: SamplerRequest, known_digests: Collection[str]
) -> Iterator[ParamValues]:
    seen = set(known_digests)
    for values in proposals:
        digest = request.identity(values)
        if digest not in seen:
            seen.add(digest)
            yield values
