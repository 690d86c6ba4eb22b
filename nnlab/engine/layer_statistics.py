"""Statistics of layer outputs and update ratios: pure functions of tensors.

The first dimension of the tensors is one of layers of one model, or of models for one layer.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

STATISTIC_NAMES = ("activation_mean", "activation_sd", "zeros", "dead", "saturated")

# Outputs (low, high) beyond which a squashing function has almost no slope.
SaturationBounds = tuple[float, float] | None
SATURATION_BOUNDS: Mapping[type[nn.Module], tuple[float, float]] = {
    nn.Tanh: (-0.99, 0.99),
    nn.Sigmoid: (0.01, 0.99),
}


def evenly_spaced_indices(count: int, max_count: int) -> list[int]:
    """At most `max_count` evenly spaced indices below `count`, including the first and the last.

    >>> evenly_spaced_indices(9, 3), evenly_spaced_indices(2, 3)
    ([0, 4, 8], [0, 1])
    """
    if count <= max_count:
        return list(range(count))
    return [round(step * (count - 1) / (max_count - 1)) for step in range(max_count)]


def compute_statistics(sums: Sequence[float], count: int) -> list[float]:
    """The statistics `STATISTIC_NAMES` of one layer, as floats.

    Works on floats, since for five numbers tensor operations would cost more.

    Args:
        sums: the layer's row of `stacked_layer_sums`.
        count: number of outputs of the layer in the batch.
    """
    mean, inverse_sd, nonzero, live_units, saturated = sums
    sd = math.sqrt(count / max(count - 1, 1)) / inverse_sd if inverse_sd else math.inf
    return [mean, sd, 1.0 - nonzero / count, 1.0 - live_units, saturated / count]


def layer_metrics(
    number: int, kind: type[nn.Module], statistics: Sequence[float]
) -> dict[str, float]:
    """The metrics `probe/<statistic>/<number>` of one layer.

    Activations without saturation bounds have no metric `saturated`.

    Args:
        number: of the layer, from 1.
        kind: the activation's class.
        statistics: as `compute_statistics` returns them.
    """
    return {
        f"probe/{name}/{number}": value
        for name, value in zip(STATISTIC_NAMES, statistics, strict=True)
        if name != "saturated" or kind in SATURATION_BOUNDS
    }


def stacked_layer_sums(outputs: torch.Tensor, bounds: SaturationBounds) -> torch.Tensor:
    """The results of `layer_sums` as columns: [layers, 5]."""
    return torch.stack(layer_sums(outputs, bounds), dim=1)


def layer_sums(outputs: torch.Tensor, bounds: SaturationBounds) -> tuple[torch.Tensor, ...]:
    """The sums from which `compute_statistics` computes the statistics of layers of one shape.

    Args:
        outputs: [layers, n, ...], at least single precision. A unit is a feature (over all tokens
            if there are tokens), or a channel of an image.
        bounds: saturation bounds of the activation, which all of the layers share.

    Returns:
        Five tensors [layers]: mean; 1 / sd (of a population); number of outputs that are not 0;
            fraction of units with an output that is not 0; number of outputs beyond the bounds.
    """
    # Optimised for few operations, not for little arithmetic: this runs once per epoch, so its code
    # is not in the processor's caches, and loading it takes longer than the arithmetic on a small
    # batch.
    flat = outputs.flatten(1)
    _, mean, inverse_sd = torch.native_layer_norm(flat, flat.shape[1:], None, None, 0.0)
    unit_dim = 2 if outputs.ndim == 5 else outputs.ndim - 1
    counts = outputs.sign().abs_().sum([d for d in range(1, outputs.ndim) if d != unit_dim])
    nonzero = counts.sum(1)
    columns = (mean.view(-1), inverse_sd.view(-1), nonzero, counts.sign_().mean(1))
    if bounds is None:
        return (*columns, nonzero)
    saturated = (flat < bounds[0]) | (flat > bounds[1])
    return (*columns, saturated.to(flat.dtype).sum(1))


def update_ratio(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """The norm of an update relative to the weights' norm: two [..., weights] give [...]."""
    update_norm = torch.linalg.vector_norm(after - before, dim=-1)
    ratio: torch.Tensor = update_norm / torch.linalg.vector_norm(before, dim=-1)
    return ratio
