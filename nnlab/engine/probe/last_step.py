"""The update ratio of an epoch's last step: the norm of its update relative to the weights."""

from collections.abc import Sequence

import torch
from torch import nn

from nnlab.engine.layer_statistics import update_ratio
from nnlab.engine.probe.deferred import DeferredMetrics


class LastStepProbe:
    """Measures `probe/update_ratio` of all weights, and with `per_layer` of each layer too."""

    def __init__(self, model: nn.Module, *, per_layer: bool) -> None:
        self._weights = [p for p in model.parameters() if p.ndim >= 2]
        self._sizes = [weight.numel() for weight in self._weights] if per_layer else []
        self._before: torch.Tensor | None = None

    def save_weights(self) -> None:
        """Stores the weights before the step."""
        self._before = self._flat_weights()

    def measure(self) -> list[DeferredMetrics]:
        """The update ratios after the step; empty if `save_weights` was not called."""
        before, after, self._before = self._before, self._flat_weights(), None
        if before is None or not len(before):
            return []
        ratios = [update_ratio(before, after)]
        if self._sizes:
            pairs = zip(
                torch.split(before, self._sizes), torch.split(after, self._sizes), strict=True
            )
            ratios += [update_ratio(*pair) for pair in pairs]
        return [DeferredMetrics((torch.stack(ratios),), _update_ratio_metrics)]

    def _flat_weights(self) -> torch.Tensor:
        """All weights as one vector, which costs less than several small ones."""
        vectors = [weight.detach().flatten() for weight in self._weights]
        return torch.cat(vectors) if vectors else torch.empty(0)


def _update_ratio_metrics(ratios: Sequence[float]) -> dict[str, float]:
    """The metrics of all weights (the first ratio) and of the layers (the others)."""
    per_layer = {f"probe/update_ratio/{n}": ratio for n, ratio in enumerate(ratios[1:], start=1)}
    return {"probe/update_ratio": ratios[0]} | per_layer
