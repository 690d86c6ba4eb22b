"""Metrics whose numbers stay on the device until all are copied to the host at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class DeferredMetrics:
    """Vectors on the device, and the function that converts their numbers to metrics."""

    vectors: tuple[torch.Tensor, ...]
    to_metrics: Callable[[Sequence[float]], Mapping[str, float]]


def fetch_metrics(deferred: Sequence[DeferredMetrics]) -> dict[str, float]:
    """All metrics, copied to the host with a single synchronisation."""
    vectors = [vector for group in deferred for vector in group.vectors]
    numbers = torch.cat(vectors).tolist() if vectors else []
    values: dict[str, float] = {}
    begin = 0
    for group in deferred:
        end = begin + sum(map(len, group.vectors))
        values |= group.to_metrics(numbers[begin:end])
        begin = end
    return values
