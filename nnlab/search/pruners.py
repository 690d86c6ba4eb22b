"""Pruners: the decision whether a poor run ends after the current epoch, based on the curves.

A run is compared with the runs of other trials that have the same seed. Each trial therefore
counts once, and a lucky initialisation affects all compared runs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from nnlab.objective import Objective

# With fewer complete trials, the median is too uncertain.
N_STARTUP_TRIALS = 5

# One in this many runs continues after each rung of `asha`.
REDUCTION_FACTOR = 3

# The first rung is at the planned epochs divided by this number, at least at epoch 1.
_FIRST_RUNG_DIVISOR = 27


@dataclass(frozen=True, slots=True)
class PeerRun:
    """The value that another trial's run with the same seed had at the current epoch.

    `complete` is whether the run has ended without being pruned.
    """

    value: float
    complete: bool


@dataclass(frozen=True, slots=True)
class PrunerRequest:
    """A run after an epoch, and the runs to compare it with.

    `values` are the run's values up to `epoch` of `planned` epochs, `rivals` the peer runs that
    have reached this epoch. `complete` is the number of trials that ended without being pruned,
    including those that ended before this epoch.
    """

    objective: Objective
    epoch: int
    planned: int
    values: Sequence[float]
    rivals: Sequence[PeerRun]
    complete: int

    @property
    def best(self) -> float:
        """The best value so far; NaN if all values are."""
        numbers = [value for value in self.values if not math.isnan(value)]
        if not numbers:
            return math.nan
        return min(numbers) if self.objective.direction == "min" else max(numbers)


# Returns the reason to end the run, or None to continue.
Pruner = Callable[[PrunerRequest], str | None]


def median_pruner(request: PrunerRequest) -> str | None:
    """Ends a run whose best value is worse than the median of the complete trials at this epoch.

    Source: Golovin et al. 2017, section 3.2; Optuna's MedianPruner with `n_startup_trials=5`.
    """
    if request.complete < N_STARTUP_TRIALS:
        return None
    at_epoch = [
        rival.value for rival in request.rivals if rival.complete and not math.isnan(rival.value)
    ]
    best, objective = request.best, request.objective
    if math.isnan(best):
        return f"{_message_start(request)} is not a number"
    if not at_epoch or not objective.is_better(middle := median(at_epoch), best):
        return None
    side = "above" if objective.direction == "min" else "below"
    at_best = "" if best == request.values[-1] else " at best"
    return (
        f"{_message_start(request)} {best:.4g}{at_best} is {side} the median {middle:.4g}"
        f" of {_trial_count_text(len(at_epoch))} at that epoch"
    )


def asha_pruner(request: PrunerRequest) -> str | None:
    """Ends a run at a rung unless it is among the best third of the runs that have reached it.

    Rungs are at r, 3r, 9r, ... epochs, with r = 1 for up to 53 epochs. While fewer than six runs
    have reached a rung, only the best continues. Source: Li et al. 2020, algorithm 2, in the form
    of Optuna's SuccessiveHalvingPruner, which ends runs that the paper would pause.
    """
    if not _is_rung(request.epoch, request.planned):
        return None
    value, objective = request.values[-1], request.objective
    if math.isnan(value):
        return f"{_message_start(request)} is not a number"
    numbers = [rival.value for rival in request.rivals if not math.isnan(rival.value)]
    ranked = sorted([*numbers, value], reverse=objective.direction == "max")
    num_kept = max(1, len(ranked) // REDUCTION_FACTOR)
    threshold = ranked[num_kept - 1]
    if not objective.is_better(threshold, value):
        return None
    side = "above" if objective.direction == "min" else "below"
    return (
        f"{_message_start(request)} {value:.4g} is {side} {threshold:.4g}, the last of the best"
        f" {num_kept} of {_trial_count_text(len(ranked))} at that epoch"
    )


PRUNERS: Mapping[str, Pruner] = {"median": median_pruner, "asha": asha_pruner}


def is_decision_epoch(pruner: str, epoch: int, planned: int) -> bool:
    """Whether a pruner decides at an epoch; at other epochs no values need to be read."""
    return pruner != "asha" or _is_rung(epoch, planned)


def _is_rung(epoch: int, planned: int) -> bool:
    rung = max(1, planned // _FIRST_RUNG_DIVISOR)
    while rung < epoch:
        rung *= REDUCTION_FACTOR
    return rung == epoch


def _message_start(request: PrunerRequest) -> str:
    return f"pruned at epoch {request.epoch}: {request.objective.metric}"


def _trial_count_text(count: int) -> str:
    return f"{count} trial{'' if count == 1 else 's'}"
