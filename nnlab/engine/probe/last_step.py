"""How far the last step of an epoch moved the weights, of their size."""

from collections.abc import Sequence

import torch
from torch import nn

from nnlab.engine.layer_statistics import update_ratio
from nnlab.engine.probe.deferred import DeferredMetrics


class LastStepProbe:
    """`probe/update_ratio` of all weights together, and with `each` also of every layer's."""

    def __init__(self, model: nn.Module, *, each: bool) -> None:
        self._weights = [p for p in model.parameters() if p.ndim >= 2]
        self._sizes = [weight.numel() for weight in self._weights] if each else []
        self._before: torch.Tensor | None = None

    def before(self) -> None:
        """Notes the weights."""
        self._before = self._row()

    def after(self) -> list[DeferredMetrics]:
        """The ratios, now that the step was taken; none if nothing was noted before it."""
        before, after, self._before = self._before, self._row(), None
        if before is None or not len(before):
            return []
        ratios = [update_ratio(before, after)]
        if self._sizes:
            pairs = zip(
                torch.split(before, self._sizes), torch.split(after, self._sizes), strict=True
            )
            ratios += [update_ratio(*pair) for pair in pairs]
        return [DeferredMetrics((torch.stack(ratios),), _update_ratio_metrics)]

    def _row(self) -> torch.Tensor:
        """All weights, one after another: one long vector costs less than several."""
        rows = [weight.detach().flatten() for weight in self._weights]
        return torch.cat(rows) if rows else torch.empty(0)


def _update_ratio_metrics(ratios: Sequence[float]) -> dict[str, float]:
    each = {f"probe/update_ratio/{n}": ratio for n, ratio in enumerate(ratios[1:], start=1)}
    return {"probe/update_ratio": ratios[0]} | each
