"""CMA-ES (Hansen 2016), in Optuna's implementation.

Its search distribution is determined by the sequence of past proposals and scores. It is not
stored: the sequence is replayed from the start, and proposals with known scores are answered
immediately.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from nnlab.errors import ConfigError
from nnlab.search.domain import Domains, ParamValues
from nnlab.search.optuna_adapter import ask_trial, create_optuna_study, silence_optuna
from nnlab.search.sampler_request import SamplerRequest, ScoredTrial
from nnlab.settings.ranges import Range

# After this many known proposals in a row, a small space counts as exhausted.
_MAX_REPEATS = 300


def cma_es_values(request: SamplerRequest, trials: Sequence[ScoredTrial]) -> Iterator[ParamValues]:
    """Proposes the remaining trials of the current generation.

    It ends with the generation, because the next one depends on its scores. Fields with choices
    instead of ranges are sampled at random.
    """
    import optuna  # slow to import, and an optional dependency

    size = generation_size(request.domains)
    trials_by_digest = {trial.digest: trial for trial in trials}
    with silence_optuna():
        sampler = optuna.samplers.CmaEsSampler(
            seed=request.seed, popsize=size, warn_independent_sampling=False
        )
        study = create_optuna_study(request, sampler)
    has_pending, repeats, number = False, 0, 0
    while repeats < _MAX_REPEATS or number < 2 * len(trials):
        with silence_optuna():
            trial, values = ask_trial(study, request.domains)
        digest = request.identity(values)
        score = _score_to_tell(request, trials_by_digest, digest)
        if score is None:
            has_pending, repeats = True, 0
            yield values
        else:
            repeats += 1
            study.tell(trial, score)
        # Trial 0 is drawn at random, because Optuna infers the search space from it; the
        # generations follow.
        if has_pending and number % size == 0:
            return
        number += 1


def generation_size(domains: Domains) -> int:
    """The number of trials in a generation (Hansen 2016, equation 48).

    Raises:
        ConfigError: there are fewer than two ranges.
    """
    ranges = sum(isinstance(domain, Range) for domain in domains.values())
    if ranges < 2:
        raise ConfigError(
            [
                "--sampler cma-es needs at least two ranges, as in"
                f" --lr 1e-4..1e-1 --dropout 0..0.5; got {ranges}"
            ]
        )
    return 4 + math.floor(3 * math.log(ranges))


def _score_to_tell(
    request: SamplerRequest, trials_by_digest: Mapping[str, ScoredTrial], digest: str
) -> float | None:
    """The score to report to Optuna, the worst one for NaN; None while it is unknown."""
    score = trials_by_digest[digest].score if digest in trials_by_digest else None
    if score is None or math.isfinite(score):
        return score
    return math.inf if request.direction == "min" else -math.inf
