"""Numbers that wait on the device until they are fetched in one copy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class DeferredMetrics:
    """Vectors of numbers, and what metrics they make once they are floats, one after another."""

    vectors: tuple[torch.Tensor, ...]
    read: Callable[[Sequence[float]], Mapping[str, float]]


def fetch_metrics(waiting: Sequence[DeferredMetrics]) -> dict[str, float]:
    """All the metrics; the device is waited for once."""
    vectors = [vector for one in waiting for vector in one.vectors]
    numbers = torch.cat(vectors).tolist() if vectors else []
    values: dict[str, float] = {}
    begin = 0
    for one in waiting:
        end = begin + sum(map(len, one.vectors))
        values |= one.read(numbers[begin:end])
        begin = end
    return values
