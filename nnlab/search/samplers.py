"""The samplers by name, and how the next trials are picked from what they say."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice

from nnlab.search.cma_es import cma_es_values, generation_size
from nnlab.search.cube import random_values, sobol_values
from nnlab.search.domain import Domains, Values
from nnlab.search.question import Question, Tried
from nnlab.search.tpe import tpe_values
from nnlab.search.with_optuna import check_optuna

# These say all trials beforehand, so that they can be queued, and trained, together.
BEFOREHAND: Mapping[str, Callable[[Question], Iterator[Values]]] = {
    "random": random_values,
    "sobol": sobol_values,
}

# These look at how the trials went, so they are asked round by round.
LEARNING: Mapping[str, Callable[[Question, Sequence[Tried]], Iterator[Values]]] = {
    "tpe": tpe_values,
    "cma-es": cma_es_values,
}

# A sampler that has said so many known trials has come to the end of a small space.
_MOST_KNOWN = 200
_MOST_DRAWN = 5000


def check_sampler(name: str, domains: Domains) -> None:
    """Says beforehand why a sampler cannot work here.

    Raises:
        UsageError: a package is missing, or it needs other fields.
    """
    if name in LEARNING:
        check_optuna(name)
    if name == "cma-es":
        generation_size(domains)


def next_values(
    name: str, question: Question, tried: Sequence[Tried], count: int
) -> tuple[Values, ...]:
    """What to try next: up to `count` trials, none of which was tried; none where all were.

    Args:
        name: the sampler's.
        question: what is asked.
        tried: what was tried, in the order in which it was asked for.
        count: so many at most; cma-es gives no more than the rest of a generation.
    """
    known = {one.digest for one in tried}
    if name in BEFOREHAND:
        said = islice(BEFOREHAND[name](question), _MOST_DRAWN + 100 * count)
        return tuple(islice(_new(said, question, known), count))
    learned = islice(LEARNING[name](question, tried), _MOST_KNOWN + count)
    found = tuple(islice(_new(learned, question, known), count))
    if found or any(one.score is None for one in tried):
        return found
    # It only repeats itself: draws find the last settings of a small space.
    drawn = islice(random_values(question), _MOST_DRAWN)
    return tuple(islice(_new(drawn, question, known), count))


def _new(said: Iterator[Values], question: Question, known: Collection[str]) -> Iterator[Values]:
    seen = set(known)
    for values in said:
        digest = question.identity(values)
        if digest not in seen:
            seen.add(digest)
            yield values
