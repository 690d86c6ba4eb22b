"""Where a training loss stops falling, so that noise is all that is left of its movement.

The logarithm of the loss is fitted by joined straight pieces. It stalls from the first joint
after which it falls less in `WINDOW_EPOCHS` epochs than the noise of a single epoch, in the piece that
begins there (or in all of it, where it is shorter) and over all that follows. A noise that is left
when the mean no longer falls is what a smaller learning rate takes away: the steps of stochastic
gradient descent scatter around the minimum by an amount that shrinks with the learning rate
(Robbins and Monro 1951; Bottou, Curtis and Nocedal 2018, theorem 4.6).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.stats.piecewise_linear import PiecewiseFit, fit_piecewise_linear, linear_slope, noise_sd

WINDOW_EPOCHS = 5
MIN_EPOCHS = 12
# A loss that falls by less than this an epoch, and without noise, does not move.
_MIN_RELATIVE_CHANGE = 1e-4


@dataclass(frozen=True, slots=True)
class LossPlateau:
    """The last epoch of the fall, and how the loss fell up to it and since.

    `fell` and `falls` are shares an epoch (0.01 is 1 %; of the piece before and of all epochs
    since, negative where the loss rises), `noise` is the sd of an epoch's loss since then, as a
    share of it. `since` is the first epoch of the piece before.
    """

    epoch: int
    since: int
    decrease_before: float
    decrease_after: float
    noise: float


@dataclass(frozen=True, slots=True)
class LossTrend:
    """A training loss over its epochs: as it was fitted, its stall if there is one, and why."""

    fit: tuple[float, ...]
    plateau: LossPlateau | None
    why: str


def fit_loss_trend(losses: Sequence[float]) -> LossTrend:
    """Reads a training loss, one value an epoch from the first on (at least `MIN_EPOCHS`).

    Raises:
        ValueError: too few values, or one that is not above 0 and finite.
    """
    if len(losses) < MIN_EPOCHS:
        raise ValueError(f"{len(losses)} epochs are fewer than {MIN_EPOCHS}")
    if not all(0 < loss < math.inf for loss in losses):
        raise ValueError("the loss must be above 0 and finite")
    logs = [math.log(loss) for loss in losses]
    pieces = fit_piecewise_linear(logs)
    stall = _find_plateau(logs, pieces)
    why = _plateau_reason(stall) if stall else _no_plateau_reason(logs, pieces)
    return LossTrend(tuple(map(math.exp, pieces.fit)), stall, why)


def _find_plateau(logs: Sequence[float], pieces: PiecewiseFit) -> LossPlateau | None:
    starts = (0, *pieces.breakpoints, len(logs) - 1)
    for number, joint in enumerate(pieces.breakpoints, start=1):
        rest = logs[joint:]
        noise, slope = noise_sd(rest), linear_slope(rest)
        reach = min(WINDOW_EPOCHS, starts[number + 1] - joint)
        if (
            max(-WINDOW_EPOCHS * slope, -reach * pieces.slopes[number])
            < noise
            >= _MIN_RELATIVE_CHANGE
        ):
            before = pieces.slopes[number - 1]
            if before >= 0:  # it rose, or stood still, before: there was no fall to stop
                return None
            # Places count from 0, epochs from 1: the joint is the epoch that ends the fall.
            since = starts[number - 1] + 1
            return LossPlateau(joint + 1, since, -math.expm1(before), -math.expm1(slope), noise)
    return None


def _plateau_reason(stall: LossPlateau) -> str:
    now = f"{stall.decrease_after:.1%} an epoch" if stall.decrease_after > 0 else "no more"
    return (
        f"train/loss fell {stall.decrease_before:.1%} an epoch from epoch {stall.since} to {stall.epoch};"
        f" since then it falls {now}, within a noise of ±{stall.noise:.1%}"
    )


def _no_plateau_reason(logs: Sequence[float], pieces: PiecewiseFit) -> str:
    tail = logs[pieces.breakpoints[-1] if pieces.breakpoints else 0 :]
    noise, falls = noise_sd(tail), -math.expm1(linear_slope(tail))
    if WINDOW_EPOCHS * falls < max(noise, WINDOW_EPOCHS * _MIN_RELATIVE_CHANGE):
        if noise < _MIN_RELATIVE_CHANGE:
            return (
                "train/loss stands still without noise: there is nothing that a decay would take"
                " away; a larger learning rate or a larger model may move it"
            )
        return (
            f"train/loss did not fall beyond its noise of ±{noise:.1%}: a decay cannot help what"
            " does not learn"
        )
    return (
        f"train/loss is still falling, {falls:.1%} an epoch at the end with a noise of"
        f" ±{noise:.1%}: nothing to decay yet, train for more epochs first"
    )
