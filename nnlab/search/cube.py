"""Samplers that need not know how it went: points of the unit cube, turned into values.

Both are one endless sequence for a seed. Trial by trial or all at once, it is the same.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from nnlab.search.domain import Values, at
from nnlab.search.question import Question, Tried

_CHUNK = 64


def random_values(question: Question, tried: Sequence[Tried] = ()) -> Iterator[Values]:  # noqa: ARG001
    """Each field drawn by itself (Bergstra and Bengio 2012)."""
    numbers = np.random.default_rng(question.seed)
    while True:
        yield _values(question, numbers.random(len(question.domains)))


def sobol_values(question: Question, tried: Sequence[Tried] = ()) -> Iterator[Values]:  # noqa: ARG001
    """A Sobol sequence, scrambled by the seed (Owen 1998): evener than random points."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(question.domains), scramble=True, seed=question.seed)
    while True:
        # Chunks of a power of two: the sequence is balanced over those.
        for point in sequence.random(_CHUNK):
            yield _values(question, point)


def _values(question: Question, point: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Values:
    return {
        name: at(domain, float(share))
        for (name, domain), share in zip(question.domains.items(), point, strict=True)
    }
