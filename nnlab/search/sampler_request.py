"""The records that a sampler receives: the request, and the trials with their scores."""

from collections.abc import Callable
from dataclasses import dataclass

from nnlab.objective import Direction, Setting
from nnlab.search.domain import Domains, ParamValues


@dataclass(frozen=True, slots=True)
class SamplerRequest:
    """The domains of the fields, the direction of the objective and the random seed.

    `identity` returns the digest of the trial with the given values. Values that differ only in a
    field without effect have the same digest.
    """

    domains: Domains
    direction: Direction
    seed: int
    identity: Callable[[ParamValues], str]


@dataclass(frozen=True, slots=True)
class ScoredTrial:
    """A trial that was proposed before, and its result.

    `score` is the mean of the objective over the seeds: None while it is unknown, NaN if a seed
    diverged or failed. `pruned_at` is the last epoch of a pruned trial, the highest over its
    seeds.
    """

    digest: str
    setting: Setting
    score: float | None
    pruned_at: int | None = None
