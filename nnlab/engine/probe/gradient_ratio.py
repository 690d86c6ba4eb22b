"""The gradient of the first layer relative to that of the last one, from a step's gradients."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from nnlab.engine.probe.deferred import DeferredMetrics


def gradient_ratio(
    weights: Sequence[nn.Parameter], name: str = "gradient_ratio"
) -> list[DeferredMetrics]:
    """The metric `probe/<name>`: the norm of the first trained weight's gradient over the last's.

    Empty if fewer than two weights have a gradient; there is no metric if the ratio is not a finite
    number. A loss scale has no effect on the ratio.

    Args:
        weights: with two or more dimensions, in the order in which the model uses them. Frozen ones
            are left out.
        name: of the metric.
    """
    gradients = [
        w.grad for w in weights if w.requires_grad and w.grad is not None and not w.grad.is_sparse
    ]
    if len(gradients) < 2:
        return []
    norms = torch.stack(torch._foreach_norm([gradients[0], gradients[-1]]))

    def to_metrics(numbers: Sequence[float]) -> Mapping[str, float]:
        return ratio_metric(numbers[0], numbers[1], name)

    return [DeferredMetrics((norms,), to_metrics)]


def ratio_metric(first: float, last: float, name: str = "gradient_ratio") -> dict[str, float]:
    """The metric `probe/<name>` of two gradient norms; empty if there is no finite ratio.

    >>> ratio_metric(0.5, 2.0), ratio_metric(1.0, 0.0), ratio_metric(float("inf"), 1.0)
    ({'probe/gradient_ratio': 0.25}, {}, {})
    """
    if not 0 < last < float("inf") or not 0 <= first < float("inf"):
        return {}
    return {f"probe/{name}": first / last}
