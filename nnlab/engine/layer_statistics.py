"""Numbers of what layers put out, and of how far a step went: pure functions of tensors.

The first dimension is one of layers of one model, or of one layer of several models.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

STATISTIC_NAMES = ("activation_mean", "activation_sd", "zeros", "dead", "saturated")

# What a squashing function puts out when its slope has all but gone: (below, above).
SaturationBounds = tuple[float, float] | None
SATURATION_BOUNDS: Mapping[type[nn.Module], tuple[float, float]] = {
    nn.Tanh: (-0.99, 0.99),
    nn.Sigmoid: (0.01, 0.99),
}


def evenly_spaced_indices(count: int, most: int) -> list[int]:
    """Places of at most so many of `count`, evenly spread, the first and the last among them.

    >>> spread(9, 3), spread(2, 3)
    ([0, 4, 8], [0, 1])
    """
    if count <= most:
        return list(range(count))
    return [round(step * (count - 1) / (most - 1)) for step in range(most)]


def compute_statistics(sums: Sequence[float], count: int) -> list[float]:
    """The numbers of `STATISTIC_NAMES` of a layer, from its row of `stacked_layer_sums`; it put out `count` numbers.

    On floats: for so few of them an operation on tensors costs more than all of this.
    """
    mean, inverse, alive, living, beyond = sums
    sd = math.sqrt(count / max(count - 1, 1)) / inverse if inverse else math.inf
    return [mean, sd, 1.0 - alive / count, 1.0 - living, beyond / count]


def layer_metrics(number: int, kind: type[nn.Module], numbers: Sequence[float]) -> dict[str, float]:
    """`probe/<what>/<number>` of a layer of a kind, as `compute_statistics` gives them.

    What has no ends is not saturated.
    """
    found = zip(STATISTIC_NAMES, numbers, strict=True)
    return {
        f"probe/{name}/{number}": value
        for name, value in found
        if name != "saturated" or kind in SATURATION_BOUNDS
    }


def stacked_layer_sums(outputs: torch.Tensor, ends: SaturationBounds) -> torch.Tensor:
    """`layer_sums` side by side: [layers, 5]."""
    return torch.stack(layer_sums(outputs, ends), dim=1)


def layer_sums(outputs: torch.Tensor, ends: SaturationBounds) -> tuple[torch.Tensor, ...]:
    """What `compute_statistics` needs of layers of one shape.

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
