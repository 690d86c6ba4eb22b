"""Detection of the epoch at which a training loss stops falling and only noise remains.

The logarithm of the loss is fitted by a continuous piecewise linear function. The loss reaches a
plateau at the first breakpoint after which it falls, within `WINDOW_EPOCHS` epochs, by less than
the noise of a single epoch. This must hold for the piece that begins there (or for the whole
piece, if it is shorter) and for all epochs that follow. The noise that remains at a plateau is
what a smaller learning rate reduces: the steps of stochastic gradient descent scatter around the
minimum by an amount that shrinks with the learning rate (Robbins and Monro 1951; Bottou, Curtis
and Nocedal 2018, theorem 4.6).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.stats.piecewise_linear import PiecewiseFit, fit_piecewise_linear, linear_slope, noise_sd

WINDOW_EPOCHS = 5
MIN_EPOCHS = 12
# A loss without noise that falls by less than this fraction per epoch is constant.
_MIN_RELATIVE_CHANGE = 1e-4


@dataclass(frozen=True, slots=True)
class LossPlateau:
    """The last epoch before the plateau, and the speed of the decrease before and after it.

    `decrease_before` (of the piece before `epoch`, which begins at epoch `fall_start`) and
    `decrease_after` (of all later epochs) are fractions per epoch: 0.01 is 1 %, negative where the
    loss rises. `noise` is the standard deviation of the later losses, as a fraction of the loss.
    """

    epoch: int
    fall_start: int
    decrease_before: float
    decrease_after: float
    noise: float


@dataclass(frozen=True, slots=True)
class LossTrend:
    """The fitted loss of each epoch, the plateau if there is one, and the reason as a sentence."""

    fit: tuple[float, ...]
    plateau: LossPlateau | None
    why: str


def fit_loss_trend(losses: Sequence[float]) -> LossTrend:
    """The trend and plateau of a training loss (one value per epoch, at least `MIN_EPOCHS`).

    Raises:
        ValueError: there are too few values, or one is not positive and finite.
    """
    if len(losses) < MIN_EPOCHS:
        raise ValueError(f"{len(losses)} epochs are fewer than {MIN_EPOCHS}")
    if not all(0 < loss < math.inf for loss in losses):
        raise ValueError("the loss must be positive and finite")
    logs = [math.log(loss) for loss in losses]
    fit = fit_piecewise_linear(logs)
    plateau = _find_plateau(logs, fit)
    why = _plateau_reason(plateau) if plateau else _no_plateau_reason(logs, fit)
    return LossTrend(tuple(map(math.exp, fit.fit)), plateau, why)


def _find_plateau(logs: Sequence[float], fit: PiecewiseFit) -> LossPlateau | None:
    starts = (0, *fit.breakpoints, len(logs) - 1)
    for number, joint in enumerate(fit.breakpoints, start=1):
        rest = logs[joint:]
        noise, slope = noise_sd(rest), linear_slope(rest)
        window = min(WINDOW_EPOCHS, starts[number + 1] - joint)
        decrease = max(-WINDOW_EPOCHS * slope, -window * fit.slopes[number])
        if decrease < noise and noise >= _MIN_RELATIVE_CHANGE:
            before = fit.slopes[number - 1]
            if before >= 0:  # the loss did not fall before the breakpoint
                return None
            # Indices count from 0 and epochs from 1; the breakpoint is the last epoch of the fall.
            fall_start = starts[number - 1] + 1
            return LossPlateau(
                joint + 1, fall_start, -math.expm1(before), -math.expm1(slope), noise
            )
    return None


def _plateau_reason(plateau: LossPlateau) -> str:
    decrease = (
        f"falls by {plateau.decrease_after:.1%} per epoch"
        if plateau.decrease_after > 0
        else "no longer falls"
    )
    return (
        f"train/loss fell by {plateau.decrease_before:.1%} per epoch from epoch"
        f" {plateau.fall_start} to {plateau.epoch}; since then it {decrease}, with noise of"
        f" ±{plateau.noise:.1%}"
    )


def _no_plateau_reason(logs: Sequence[float], fit: PiecewiseFit) -> str:
    tail = logs[fit.breakpoints[-1] if fit.breakpoints else 0 :]
    noise, decrease = noise_sd(tail), -math.expm1(linear_slope(tail))
    if WINDOW_EPOCHS * decrease < max(noise, WINDOW_EPOCHS * _MIN_RELATIVE_CHANGE):
        if noise < _MIN_RELATIVE_CHANGE:
            return (
                "train/loss is constant, without noise: a decay has nothing to reduce; a larger"
                " learning rate or a larger model may help"
            )
        return (
            f"train/loss did not fall by more than its noise of ±{noise:.1%}: the model does not"
            " learn, and a decay cannot change that"
        )
    return (
        f"train/loss is still falling, by {decrease:.1%} per epoch at the end, with noise of"
        f" ±{noise:.1%}: no decay is needed yet, train for more epochs first"
    )
