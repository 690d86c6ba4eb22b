"""Samplers propose the next trials, pruners end poor runs early: pure functions of past results."""

from nnlab.search.domain import Domains, FindField, ParamValues, fixed_values, sampled_domains
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
    "FindField",
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
