"""Samplers that need not know how it went: points of the unit cube, turned into values.

Both are one endless sequence for a seed. Trial by trial or all at once, it is the same.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from nnlab.search.domain import ParamValues, value_at
from nnlab.search.sampler_request import SamplerRequest, ScoredTrial

_SOBOL_CHUNK = 64


def random_values(
    question: SamplerRequest, tried: Sequence[ScoredTrial] = ()
) -> Iterator[ParamValues]:
    """Each field drawn by itself (Bergstra and Bengio 2012)."""
    numbers = np.random.default_rng(question.seed)
    while True:
        yield _values_at_point(question, numbers.random(len(question.domains)))


def sobol_values(
    question: SamplerRequest, tried: Sequence[ScoredTrial] = ()
) -> Iterator[ParamValues]:
    """A Sobol sequence, scrambled by the seed (Owen 1998): evener than random points."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(question.domains), scramble=True, seed=question.seed)
    while True:
        # Chunks of a power of two: the sequence is balanced over those.
        for point in sequence.random(_SOBOL_CHUNK):
            yield _values_at_point(question, point)


def _values_at_point(
    question: SamplerRequest, point: "np.ndarray[tuple[int], np.dtype[np.float64]]"
) -> ParamValues:
    return {
        name: value_at(domain, float(share))
        for (name, domain), share in zip(question.domains.items(), point, strict=True)
    }
