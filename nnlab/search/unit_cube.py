"""Samplers that do not depend on results: points of the unit cube, mapped to values.

Each seed determines one infinite sequence, whether trials are requested one by one or together.
"""

from collections.abc import Iterator

import numpy as np

from nnlab.search.domain import ParamValues, value_at
from nnlab.search.sampler_request import SamplerRequest

_SOBOL_CHUNK = 64


def random_values(request: SamplerRequest) -> Iterator[ParamValues]:
    """Random search: each field is drawn independently (Bergstra and Bengio 2012)."""
    rng = np.random.default_rng(request.seed)
    while True:
        yield _values_at_point(request, rng.random(len(request.domains)))


def sobol_values(request: SamplerRequest) -> Iterator[ParamValues]:
    """A Sobol sequence scrambled by the seed (Owen 1998), more uniform than random points."""
    from scipy.stats import qmc  # slow to import, and needed for this sampler only

    sequence = qmc.Sobol(len(request.domains), scramble=True, seed=request.seed)
    while True:
        # The sequence is balanced over chunks of a power of two.
        for point in sequence.random(_SOBOL_CHUNK):
            yield _values_at_point(request, point)


def _values_at_point(
    request: SamplerRequest, point: "np.ndarray[tuple[int], np.dtype[np.float64]]"
) -> ParamValues:
    return {
        name: value_at(domain, float(coordinate))
        for (name, domain), coordinate in zip(request.domains.items(), point, strict=True)
    }
