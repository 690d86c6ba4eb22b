"""The samplers by name, and how the next trials are picked from what they say."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice

from nnlab.search.cma_es import cma_es_values, generation_size
from nnlab.search.domain import Domains, ParamValues
from nnlab.search.optuna_adapter import check_optuna
from nnlab.search.sampler_request import SamplerRequest, ScoredTrial
from nnlab.search.tpe import tpe_values
from nnlab.search.unit_cube import random_values, sobol_values

# These say all trials beforehand, so that they can be queued, and trained, together.
NON_ADAPTIVE_SAMPLERS: Mapping[str, Callable[[SamplerRequest], Iterator[ParamValues]]] = {
    "random": random_values,
    "sobol": sobol_values,
}

# These look at how the trials went, so they are asked round by round.
ADAPTIVE_SAMPLERS: Mapping[
    str, Callable[[SamplerRequest, Sequence[ScoredTrial]], Iterator[ParamValues]]
] = {
    "tpe": tpe_values,
    "cma-es": cma_es_values,
}

# A sampler that has said so many known trials has come to the end of a small space.
_MAX_KNOWN_TRIALS = 200
_MAX_DRAWS = 5000


def check_sampler(name: str, domains: Domains) -> None:
    """Says beforehand why a sampler cannot work here.

    Raises:
        UsageError: a package is missing, or it needs other fields.
    """
    if name in ADAPTIVE_SAMPLERS:
        check_optuna(name)
    if name == "cma-es":
        generation_size(domains)


def next_values(
    name: str, question: SamplerRequest, tried: Sequence[ScoredTrial], count: int
) -> tuple[ParamValues, ...]:
    """What to try next: up to `count` trials, none of which was tried; none where all were.

    Args:
        name: the sampler's.
        question: what is asked.
        tried: what was tried, in the order in which it was asked for.
        count: so many at most; cma-es gives no more than the rest of a generation.
    """
    known = {one.digest for one in tried}
    if name in NON_ADAPTIVE_SAMPLERS:
        said = islice(NON_ADAPTIVE_SAMPLERS[name](question), _MAX_DRAWS + 100 * count)
        return tuple(islice(_drop_known(said, question, known), count))
    learned = islice(ADAPTIVE_SAMPLERS[name](question, tried), _MAX_KNOWN_TRIALS + count)
    found = tuple(islice(_drop_known(learned, question, known), count))
    if found or any(one.score is None for one in tried):
        return found
    # It only repeats itself: draws find the last settings of a small space.
    drawn = islice(random_values(question), _MAX_DRAWS)
    return tuple(islice(_drop_known(drawn, question, known), count))


def _drop_known(
    said: Iterator[ParamValues], question: SamplerRequest, known: Collection[str]
) -> Iterator[ParamValues]:
    seen = set(known)
    for values in said:
        digest = question.identity(values)
        if digest not in seen:
            seen.add(digest)
            yield values
