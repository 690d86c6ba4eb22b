"""A simple objective function for samplers, instead of a training."""

import json
import math

from nnlab.records import Direction
from nnlab.search import (
    Domains,
    ParamValues,
    SamplerRequest,
    ScoredTrial,
    next_values,
    sampled_domains,
)
from nnlab.settings.space import parse_space


def domains(**given: str) -> Domains:
    return sampled_domains(parse_space(given, whole_ranges=True))


SPACE = domains(lr="1e-5..1", dropout="0..0.9", opt="sgd,adam,lion")


def identity(values: ParamValues) -> str:
    return json.dumps(dict(values), sort_keys=True)


def make_request(
    space: Domains = SPACE, *, seed: int = 0, direction: Direction = "min"
) -> SamplerRequest:
    return SamplerRequest(space, direction, seed, identity)


def bowl(values: ParamValues) -> float:
    """Lowest, 0, at lr 0.01, dropout 0.3 and adam."""
    lr, dropout = values["lr"], values["dropout"]
    assert isinstance(lr, float)
    assert isinstance(dropout, float)
    return (math.log10(lr) + 2) ** 2 + 10 * (dropout - 0.3) ** 2 + (values.get("opt") == "sgd")


def search_trials(
    sampler: str,
    request: SamplerRequest,
    *,
    trials: int,
    width: int = 1,
    tried: tuple[ScoredTrial, ...] = (),
) -> tuple[ScoredTrial, ...]:
    """The trials of a whole search, requested `width` at a time, including those in `tried`."""
    sign = 1 if request.direction == "min" else -1
    while len(tried) < trials:
        proposals = next_values(sampler, request, tried, min(width, trials - len(tried)))
        if not proposals:
            break
        tried += tuple(ScoredTrial(identity(v), v, sign * bowl(v)) for v in proposals)
    return tried
