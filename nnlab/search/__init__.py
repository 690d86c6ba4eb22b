"""What to try next, and what to stop trying: pure functions of what was tried and how it went."""

from nnlab.search.domain import Domains, ParamValues, fixed_values, sampled_domains
from nnlab.search.pruners import PRUNERS, PeerRun, PrunerRequest
from nnlab.search.sampler_request import SamplerRequest, ScoredTrial
from nnlab.search.samplers import (
    ADAPTIVE_SAMPLERS,
    NON_ADAPTIVE_SAMPLERS,
    check_sampler,
    next_values,
)

__all__ = [
    "ADAPTIVE_SAMPLERS",
    "NON_ADAPTIVE_SAMPLERS",
    "PRUNERS",
    "Domains",
    "ParamValues",
    "PeerRun",
    "PrunerRequest",
    "SamplerRequest",
    "ScoredTrial",
    "check_sampler",
    "fixed_values",
    "next_values",
    "sampled_domains",
]
