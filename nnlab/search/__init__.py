"""What to try next, and what to stop trying: pure functions of what was tried and how it went."""

from nnlab.search.domain import Domains, Values, domains_of, fixed_in
from nnlab.search.pruners import PRUNERS, Rival, Standing
from nnlab.search.question import Question, Tried
from nnlab.search.samplers import BEFOREHAND, LEARNING, check_sampler, next_values

__all__ = [
    "BEFOREHAND",
    "LEARNING",
    "PRUNERS",
    "Domains",
    "Question",
    "Rival",
    "Standing",
    "Tried",
    "Values",
    "check_sampler",
    "domains_of",
    "fixed_in",
    "next_values",
]
