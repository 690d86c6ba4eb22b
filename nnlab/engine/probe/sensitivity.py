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

from nnlab.engine.hooks import evaluating
from nnlab.engine.landscape import (
    Direction,
    Landscape,
    filter_normalised,
    line,
    top_eigenvalue,
)
from nnlab.engine.seeds import generator

EXAMPLES = 512
DIRECTIONS = 5
# How far the weights move, of their length.
NEAR = 0.1
# Power iterations: enough for a digit or two, which is all that seeds leave of it.
ITERATIONS, TOLERANCE = 20, 1e-2


def directions(model: torch.nn.Module, count: int) -> list[Direction]:
    """So many random directions, always the same ones."""
    return [filter_normalised(model, generator(seed, "direction")) for seed in range(count)]


def rise(landscape: Landscape, along: Sequence[Direction], value: float) -> float:
    """The mean rise of the loss above `value` a step along directions, to both sides."""
    found = [loss for direction in along for loss in line(landscape, direction, (-NEAR, NEAR))]
    return sum(found) / len(found) - value


def sensitivity_of(landscape: Landscape) -> dict[str, float]:
    """`rise` and `sharpness` where the weights are; the model's mode and weights stay."""
    with evaluating(landscape.model):
        along = directions(landscape.model, DIRECTIONS)
        sharpest = top_eigenvalue(
            landscape, generator(0, "direction"), tolerance=TOLERANCE, most=ITERATIONS
        )
        return {
            "rise": rise(landscape, along, landscape.value()),
            "sharpness": sharpest.value,
        }
