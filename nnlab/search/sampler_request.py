"""What a sampler is asked, and what it is told."""

from collections.abc import Callable
from dataclasses import dataclass

from nnlab.objective import Direction, Setting
from nnlab.search.domain import Domains, ParamValues


@dataclass(frozen=True, slots=True)
class SamplerRequest:
    """What is to be chosen, which way is better, and the seed of every random choice.

    `identity` names the trial that sampled values make (its digest): values that differ only in
    a field that does nothing make the same one.
    """

    domains: Domains
    direction: Direction
    seed: int
    identity: Callable[[ParamValues], str]


@dataclass(frozen=True, slots=True)
class ScoredTrial:
    """A trial that was asked for before, and how it went.

    `score` is the objective's mean over the seeds: None while it is not known, NaN where there
    is none, because a seed diverged or failed. `pruned_at` is the epoch that a pruned one
    reached at least with one of its seeds.
    """

    digest: str
    setting: Setting
    score: float | None
    pruned_at: int | None = None
