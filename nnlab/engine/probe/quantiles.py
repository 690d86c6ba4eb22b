"""Quantiles of the weights and of the gradients of each layer, from which histograms are drawn."""

import math
from collections.abc import Mapping, Sequence

import torch

from nnlab.engine.layer_statistics import evenly_spaced_indices
from nnlab.engine.probe.deferred import DeferredMetrics
from nnlab.engine.probe.layer_outputs import MAX_PROBED_LAYERS

# 0 and 100 are the extremes.
QUANTILE_PERCENTAGES = (0, 1, 5, 25, 50, 75, 95, 99, 100)
# Of a larger tensor this many evenly spaced elements are sorted, and all for the two extremes. The
# standard error of the rank of a quantile is then at most 0.2 %.
MAX_SORTED_ELEMENTS = 2**16


def layer_quantiles(quantity: str, tensors: Mapping[int, torch.Tensor]) -> list[DeferredMetrics]:
    """The metrics `probe/<quantity>_quantile_<percentage>/<layer>` of the tensors.

    Of more than `MAX_PROBED_LAYERS` layers, that many evenly spaced ones are measured.

    Args:
        quantity: `weight` or `grad`.
        tensors: the weights or gradients of each layer, by its number.
    """
    numbers = list(tensors)
    measured = [numbers[i] for i in evenly_spaced_indices(len(numbers), MAX_PROBED_LAYERS)]
    if not measured:
        return []
    names = [
        f"probe/{quantity}_quantile_{percentage}/{number}"
        for number in measured
        for percentage in QUANTILE_PERCENTAGES
    ]

    def to_metrics(numbers: Sequence[float]) -> dict[str, float]:
        return dict(zip(names, numbers, strict=True))

    return [
        DeferredMetrics(tuple(tensor_quantiles(tensors[number]) for number in measured), to_metrics)
    ]


def tensor_quantiles(tensor: torch.Tensor) -> torch.Tensor:
    """The quantiles at `QUANTILE_PERCENTAGES`, linearly interpolated; NaN if an element is NaN."""
    elements = tensor.detach().flatten()
    elements = elements.to(torch.promote_types(elements.dtype, torch.float32))
    levels = elements.new_tensor([percentage / 100 for percentage in QUANTILE_PERCENTAGES])
    quantiles = torch.quantile(elements[:: _sampling_step(len(elements))], levels)
    quantiles[0], quantiles[-1] = torch.aminmax(elements)
    return quantiles


def _sampling_step(count: int) -> int:
    """The distance between the elements that are sorted.

    It has no common divisor with their number, so that every row and column of a matrix is sampled.

    >>> _sampling_step(2**16), _sampling_step(3 * 2**16)
    (1, 5)
    """
    step = -(-count // MAX_SORTED_ELEMENTS)
    while math.gcd(step, count) > 1:
        step += 1
    return step
