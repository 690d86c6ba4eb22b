"""How sensitive a loss is to small changes of the weights, as two numbers.

`rise` is the mean rise of the loss when every filter moves in a random direction by a tenth of
its own length (Li et al. 2018, section 4). A model whose inputs are c times as large and whose
first weights are c times as small computes the same, and has the same rise: so it compares
treatments of the inputs, initialisations and models of other widths. It does grow with the loss
itself; compare it at the same training loss (`at = "once train/loss 0.2"` in a study).

`sharpness` is the largest eigenvalue of the Hessian, in the weights' own units. It is not the
same for such twins, for it says what the optimizer meets: gradient descent is only stable with a
learning rate below 2 / sharpness (LeCun et al. 1998, section 5.1).

Both are of the mean loss over the first examples of the training split, in evaluation mode.
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
# How far the weights move, of their length.
RELATIVE_DISTANCE = 0.1
# Power iterations: enough for a digit or two, which is all that seeds leave of it.
POWER_ITERATIONS, POWER_TOLERANCE = 20, 1e-2


def random_directions(model: torch.nn.Module, count: int) -> list[Direction]:
    """So many random directions, always the same ones."""
    return [
        random_filter_normalized_direction(model, make_generator(seed, "direction"))
        for seed in range(count)
    ]


def rise(landscape: LossLandscape, along: Sequence[Direction], value: float) -> float:
    """The mean rise of the loss above `value` a step along directions, to both sides."""
    found = [
        loss
        for direction in along
        for loss in loss_along_line(landscape, direction, (-RELATIVE_DISTANCE, RELATIVE_DISTANCE))
    ]
    return sum(found) / len(found) - value


def measure_sensitivity(landscape: LossLandscape) -> dict[str, float]:
    """`rise` and `sharpness` where the weights are; the model's mode and weights stay."""
    with eval_mode(landscape.model):
        along = random_directions(landscape.model, NUM_DIRECTIONS)
        sharpest = top_eigenvalue(
            landscape,
            make_generator(0, "direction"),
            tolerance=POWER_TOLERANCE,
            most=POWER_ITERATIONS,
        )
        return {
            "rise": rise(landscape, along, landscape.value()),
            "sharpness": sharpest.value,
        }
