"""Pruners: whether a run that does badly ends after this epoch, decided from the curves.

A run is compared with the runs of the other trials that have its seed: each trial counts once,
and a lucky draw of the weights counts for all or for none.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median as median_of

from nnlab.objective import Objective

# Too few trials have no median worth the name.
N_STARTUP_TRIALS = 5

# Of each rung of `asha` one in so many goes on.
REDUCTION_FACTOR = 3

# No rung is lower than this share of all epochs.
_FIRST_RUNG_DIVISOR = 27


@dataclass(frozen=True, slots=True)
class PeerRun:
    """The run of another trial with the same seed: its value at the epoch in question.

    `complete` where it has ended without having been pruned.
    """

    value: float
    complete: bool


@dataclass(frozen=True, slots=True)
class PrunerRequest:
    """A run after an epoch: its values up to that epoch, and the rivals that have reached it.

    `complete` counts the trials that have ended unpruned, whether or not they came so far.
    """

    objective: Objective
    epoch: int
    planned: int
    values: Sequence[float]
    rivals: Sequence[PeerRun]
    complete: int

    @property
    def best(self) -> float:
        """The best value so far, NaN where all are."""
        numbers = [value for value in self.values if not math.isnan(value)]
        if not numbers:
            return math.nan
        return min(numbers) if self.objective.direction == "min" else max(numbers)


Pruner = Callable[[PrunerRequest], str | None]


def median(standing: PrunerRequest) -> str | None:
    """Ends a run whose best so far is worse than the median of complete trials at that epoch.

    As Golovin et al. 2017, section 3.2, and Optuna's MedianPruner with five trials to start.
    """
    if standing.complete < N_STARTUP_TRIALS:
        return None
    at_epoch = [
        rival.value for rival in standing.rivals if rival.complete and not math.isnan(rival.value)
    ]
    best, objective = standing.best, standing.objective
    if math.isnan(best):
        return f"{_message_start(standing)} is not a number"
    if not at_epoch or not objective.is_better(middle := median_of(at_epoch), best):
        return None
    side = "above" if objective.direction == "min" else "below"
    lately = "" if best == standing.values[-1] else " at best"
    return (
        f"{_message_start(standing)} {best:.4g}{lately} is {side} the median {middle:.4g}"
        f" of {_trial_count_text(len(at_epoch))} at that epoch"
    )


def asha(standing: PrunerRequest) -> str | None:
    """Ends a run at a rung unless it is among the best third of those that came there.

    Rungs are at r, 3r, 9r, ... epochs, r = 1 for up to 53 epochs. Early on, the first two at a
    rung go on only as the best. As Li et al. 2020, algorithm 2, in the form of Optuna's
    SuccessiveHalvingPruner, which ends runs where the paper would pause them.
    """
    if not _is_rung(standing.epoch, standing.planned):
        return None
    value, objective = standing.values[-1], standing.objective
    if math.isnan(value):
        return f"{_message_start(standing)} is not a number"
    numbers = [rival.value for rival in standing.rivals if not math.isnan(rival.value)]
    ranked = sorted([*numbers, value], reverse=objective.direction == "max")
    kept = max(1, len(ranked) // REDUCTION_FACTOR)
    last = ranked[kept - 1]
    if not objective.is_better(last, value):
        return None
    side = "above" if objective.direction == "min" else "below"
    return (
        f"{_message_start(standing)} {value:.4g} is {side} {last:.4g}, the last of the best {kept}"
        f" of {_trial_count_text(len(ranked))} at that epoch"
    )


PRUNERS: Mapping[str, Pruner] = {"median": median, "asha": asha}


def is_decision_epoch(pruner: str, epoch: int, planned: int) -> bool:
    """Whether a pruner decides anything at an epoch, so that nothing is read for nothing."""
    return pruner != "asha" or _is_rung(epoch, planned)


def _is_rung(epoch: int, planned: int) -> bool:
    rung = max(1, planned // _FIRST_RUNG_DIVISOR)
    while rung < epoch:
        rung *= REDUCTION_FACTOR
    return rung == epoch


def _message_start(standing: PrunerRequest) -> str:
    return f"pruned at epoch {standing.epoch}: {standing.objective.metric}"


def _trial_count_text(count: int) -> str:
    return f"{count} trial{'' if count == 1 else 's'}"
