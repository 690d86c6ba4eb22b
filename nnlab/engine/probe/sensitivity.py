"""How sensitive a loss is to small changes of the weights, as two numbers.

`rise` is the mean increase of the loss when every filter moves in a random direction by a tenth of
its own norm (Li et al. 2018, section 4). It is invariant to scaling: a model with inputs c times
as large and first weights c times as small has the same rise. It therefore compares preprocessing,
initialisations and models of different widths. It grows with the loss itself, so it should be
compared at the same training loss (`at = "once train/loss 0.2"` in a study).

`sharpness` is the largest eigenvalue of the Hessian, in the units of the weights. It is not
invariant to such scaling, since it describes the optimizer's view: gradient descent is stable only
with a learning rate below 2 / sharpness (LeCun et al. 1998, section 5.1).

Both are computed for the mean loss over the first examples of the training split, in evaluation
mode.
"""

from collections.abc import Sequence

import torch

from nnlab.engine.hooks import eval_mode
from nnlab.engine.loss_landscape import (
    Direction,
    LossLandscape,
    loss_along_line,
    random_filter_normalized_direction,
    top_eigenvalue,
)
from nnlab.engine.seeds import make_generator

SENSITIVITY_EXAMPLES = 512
NUM_DIRECTIONS = 5
# Distance that the weights move, relative to their norm.
RELATIVE_DISTANCE = 0.1
# One or two digits suffice: the variation between seeds is larger than the remaining error.
POWER_ITERATIONS, POWER_TOLERANCE = 20, 1e-2


def random_directions(model: torch.nn.Module, count: int) -> list[Direction]:
    """`count` random directions, the same ones at every call."""
    return [
        random_filter_normalized_direction(model, make_generator(seed, "direction"))
        for seed in range(count)
    ]


def mean_loss_rise(landscape: LossLandscape, directions: Sequence[Direction], loss: float) -> float:
    """The mean increase of the loss above `loss` after a step along +/- each direction."""
    losses = [
        moved_loss
        for direction in directions
        for moved_loss in loss_along_line(
            landscape, direction, (-RELATIVE_DISTANCE, RELATIVE_DISTANCE)
        )
    ]
    return sum(losses) / len(losses) - loss


def measure_sensitivity(landscape: LossLandscape) -> dict[str, float]:
    """`rise` and `sharpness` at the current weights; the model's mode and weights are restored."""
    with eval_mode(landscape.model):
        directions = random_directions(landscape.model, NUM_DIRECTIONS)
        eigenvalue = top_eigenvalue(
            landscape,
            make_generator(0, "direction"),
            tolerance=POWER_TOLERANCE,
            max_iterations=POWER_ITERATIONS,
        )
        return {
            "rise": mean_loss_rise(landscape, directions, landscape.loss_value()),
            "sharpness": eigenvalue.value,
        }
