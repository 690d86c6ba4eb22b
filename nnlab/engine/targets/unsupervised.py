"""Unsupervised: no targets; the loss is a function of the outputs."""

from collections.abc import Mapping

import torch

from nnlab.engine.targets.sums import SumsBase


class UnsupervisedSums(SumsBase):
    """The mean loss over the examples; see `metric_sums.MetricSums`."""

    @torch.no_grad()
    def add(self, outputs: torch.Tensor, targets: torch.Tensor | None) -> None:
        """Adds outputs: a tensor, or a tuple, list or dict of tensors [n, ...]."""
        del targets
        self.add_loss(outputs, None, _batch_size(outputs))

    def compute(self) -> dict[str, float]:
        """The mean loss of all batches so far."""
        return {"loss": self.mean_loss()}


def _batch_size(outputs: object) -> int:
    """The length of the first tensor in nested outputs; 1 if it is a single number.

    Raises:
        TypeError: the outputs contain no tensor.
    """
    if isinstance(outputs, torch.Tensor):
        return len(outputs) if outputs.ndim else 1
    values = outputs.values() if isinstance(outputs, Mapping) else outputs
    if isinstance(outputs, Mapping | tuple | list) and outputs:
        return _batch_size(next(iter(values)))  # type: ignore[call-overload]
    raise TypeError(f"outputs of type {type(outputs).__name__} contain no tensor")
