"""CMA-ES (Hansen 2016), as Optuna has it: a normal cloud that moves and stretches.

Its cloud follows from what was asked and told before. So nothing of it is kept: it is played
again from the start, and what is asked and known already is told at once.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from nnlab.config.ranges import Range
from nnlab.errors import ConfigError
from nnlab.search.domain import Domains, ParamValues
from nnlab.search.optuna_adapter import ask_trial, create_optuna_study, silence_optuna
from nnlab.search.sampler_request import SamplerRequest, ScoredTrial

# So many answers in a row that are known already: a small space is used up.
_MAX_REPEATS = 300


def cma_es_values(question: SamplerRequest, tried: Sequence[ScoredTrial]) -> Iterator[ParamValues]:
    """The rest of the generation that is under way; ends with it, for the next needs its results.

    Choices are drawn at random: the cloud is one of numbers.
    """
    import optuna

    size = generation_size(question.domains)
    known = {one.digest: one for one in tried}
    with silence_optuna():
        sampler = optuna.samplers.CmaEsSampler(
            seed=question.seed, popsize=size, warn_independent_sampling=False
        )
        study = create_optuna_study(question, sampler)
    waiting, repeated, number = False, 0, 0
    while repeated < _MAX_REPEATS or number < 2 * len(tried):
        with silence_optuna():
            trial, values = ask_trial(study, question.domains)
        digest = question.identity(values)
        score = _score_to_tell(question, known, digest)
        if score is None:
            waiting, repeated = True, 0
            yield values
        else:
            repeated += 1
            study.tell(trial, score)
        # The first trial is drawn at random, to know the space by; then come the generations.
        if waiting and number % size == 0:
            return
        number += 1


def generation_size(domains: Domains) -> int:
    """How many trials make a generation (Hansen 2016, equation 48).

    Raises:
        ConfigError: there are fewer than two ranges.
    """
    ranges = sum(isinstance(domain, Range) for domain in domains.values())
    if ranges < 2:
        raise ConfigError(
            [
                "--sampler cma-es moves in two ranges or more, as --lr 1e-4..1e-1 --dropout 0..0.5;"
                f" got {ranges}"
            ]
        )
    return 4 + math.floor(3 * math.log(ranges))


def _score_to_tell(
    question: SamplerRequest, known: Mapping[str, ScoredTrial], digest: str
) -> float | None:
    """What a trial is told to have reached: the worst where it has no number."""
    score = known[digest].score if digest in known else None
    if score is None or math.isfinite(score):
        return score
    return math.inf if question.direction == "min" else -math.inf
