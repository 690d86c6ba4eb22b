"""The straight line between the weights of two networks, and the barrier of the loss on it.

Goodfellow et al. 2015 look at the line between initial and final weights; Garipov et al. 2018 and
Draxler et al. 2018 at the one between two solutions.
"""

import math
from collections.abc import Collection, Sequence

import torch

from nnlab.engine.hidden_units import StateDict


def weights_between(
    first: StateDict, second: StateDict, position: float
) -> dict[str, torch.Tensor]:
    """The weights at a position of the line: the first at 0, the second at 1.

    Tensors of integers, such as the number of batches that a normalisation has seen, are those of
    the first.
    """
    return {
        name: (1.0 - position) * tensor + position * second[name].to(tensor)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in first.items()
    }


def loss_barrier(positions: Sequence[float], losses: Sequence[float]) -> float:
    """The largest rise of the loss above the straight line between its values at both ends.

    It is 0 where no loss in between is higher (Frankle et al. 2020; Entezari et al. 2022,
    definition 2.1).

    Args:
        positions: ascending, from 0 to 1.
        losses: at these positions; the barrier is infinite where one of them is not finite.

    >>> loss_barrier([0.0, 0.5, 1.0], [1.0, 4.0, 3.0])
    2.0
    """
    if not all(map(math.isfinite, losses)):
        return math.inf
    first, last = losses[0], losses[-1]
    return max(
        loss - ((1.0 - position) * first + position * last)
        for position, loss in zip(positions, losses, strict=True)
    )


def relative_distance(first: StateDict, second: StateDict, names: Collection[str]) -> float:
    """The distance of two weights, divided by the root mean square of their two norms.

    It is 0 for equal weights, sqrt(2) = 1.41 for orthogonal ones and 2 for opposite ones.

    Args:
        first: a state dict.
        second: another of the same model.
        names: the tensors that count, usually the parameters.
    """
    squares = [0.0, 0.0, 0.0]
    for name in names:
        a, b = first[name].detach().cpu().double(), second[name].detach().cpu().double()
        for index, vector in enumerate((a - b, a, b)):
            squares[index] += vector.square().sum().item()
    difference, *norms = squares
    return math.sqrt(2.0 * difference / sum(norms)) if difference else 0.0
