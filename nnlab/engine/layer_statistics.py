"""Numbers of what layers put out, and of how far a step went: pure functions of tensors.

The first dimension is one of layers of one model, or of one layer of several models.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

NAMES = ("activation_mean", "activation_sd", "zeros", "dead", "saturated")

# What a squashing function puts out when its slope has all but gone: (below, above).
Ends = tuple[float, float] | None
ENDS: Mapping[type[nn.Module], tuple[float, float]] = {
    nn.Tanh: (-0.99, 0.99),
    nn.Sigmoid: (0.01, 0.99),
}


def spread(count: int, most: int) -> list[int]:
    """Places of at most so many of `count`, evenly spread, the first and the last among them.

    >>> spread(9, 3), spread(2, 3)
    ([0, 4, 8], [0, 1])
    """
    if count <= most:
        return list(range(count))
    return [round(step * (count - 1) / (most - 1)) for step in range(most)]


def finished(sums: Sequence[float], count: int) -> list[float]:
    """The numbers of `NAMES` of a layer, from its row of `sums_of`; it put out `count` numbers.

    On floats: for so few of them an operation on tensors costs more than all of this.
    """
    mean, inverse, alive, living, beyond = sums
    sd = math.sqrt(count / max(count - 1, 1)) / inverse if inverse else math.inf
    return [mean, sd, 1.0 - alive / count, 1.0 - living, beyond / count]


def named_numbers(number: int, kind: type[nn.Module], numbers: Sequence[float]) -> dict[str, float]:
    """`probe/<what>/<number>` of a layer of a kind, as `finished` gives them.

    What has no ends is not saturated.
    """
    found = zip(NAMES, numbers, strict=True)
    return {
        f"probe/{name}/{number}": value
        for name, value in found
        if name != "saturated" or kind in ENDS
    }


def sums_of(outputs: torch.Tensor, ends: Ends) -> torch.Tensor:
    """`columns_of` side by side: [layers, 5]."""
    return torch.stack(columns_of(outputs, ends), dim=1)


def columns_of(outputs: torch.Tensor, ends: Ends) -> tuple[torch.Tensor, ...]:
    """What `finished` needs of layers of one shape.

    Args:
        outputs: [layers, n, ...], in single precision at least. A unit is a feature, of all
            tokens where there are some, or a channel of an image.
        ends: of the function that all of them are.

    Returns:
        Five of [layers]: mean; 1 / sd (of a population); how many outputs are not 0; the share
        of units that are not 0 throughout; how many outputs lie beyond the ends.
    """
    # Few operations rather than little arithmetic: used once an epoch, each of them is fetched
    # from far, which takes longer than what it does to a small batch.
    flat = outputs.flatten(1)
    _, mean, inverse = torch.native_layer_norm(flat, flat.shape[1:], None, None, 0.0)
    unit = 2 if outputs.ndim == 5 else outputs.ndim - 1
    counts = outputs.sign().abs_().sum([d for d in range(1, outputs.ndim) if d != unit])
    alive = counts.sum(1)
    columns = (mean.view(-1), inverse.view(-1), alive, counts.sign_().mean(1))
    if ends is None:
        return (*columns, alive)
    beyond = (flat < ends[0]) | (flat > ends[1])
    return (*columns, beyond.to(flat.dtype).sum(1))


def update_ratio(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """How far weights moved, of their size: two [..., weights] give [...]."""
    moved = torch.linalg.vector_norm(after - before, dim=-1)
    ratio: torch.Tensor = moved / torch.linalg.vector_norm(before, dim=-1)
    return ratio
