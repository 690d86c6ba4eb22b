"""`SplitMetrics`: the metrics of a split, batch by batch, for outputs too large to be kept."""

import torch

from nnlab.catalogue import DENSE_TASKS, Task
from nnlab.engine.targets.metric_sums import MetricSums
from nnlab.engine.targets.output_shape import IGNORED_CLASS


class SplitMetrics:
    """Sums over the batches of a split; outputs are kept only if `--metrics` needs them."""

    def __init__(self, task: Task, sums: MetricSums, keeps_outputs: bool) -> None:
        """An empty accumulator.

        Args:
            task: the kind of targets.
            sums: the metrics that every run of the task has.
            keeps_outputs: whether `outputs_and_targets` is needed.
        """
        self._task, self._sums, self._keeps_outputs = task, sums, keeps_outputs
        self._outputs: list[torch.Tensor] = []
        self._targets: list[torch.Tensor] = []

    def add(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Adds a batch."""
        outputs = outputs.detach()
        self._sums.add(outputs, targets)
        if not self._keeps_outputs:
            return
        outputs = outputs.to("cpu", torch.promote_types(outputs.dtype, torch.float32))
        targets = targets.to("cpu")
        if self._task in DENSE_TASKS:
            outputs, targets = counted_positions(outputs, targets)
        self._outputs.append(outputs)
        self._targets.append(targets)

    def compute(self) -> dict[str, float]:
        """The metrics that every run of the task has."""
        return self._sums.compute()

    def outputs_and_targets(self) -> tuple[torch.Tensor, torch.Tensor]:
        """All kept outputs and targets, in the shapes that `AddedMetrics.compute` takes."""
        return torch.cat(self._outputs), torch.cat(self._targets)


def counted_positions(
    outputs: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores [m, C] and classes [m] of the m tokens or pixels that count.

    Args:
        outputs: of tokens [n, T, C], or of pixels [n, C, H, W].
        targets: [n, T] or [n, H, W].
    """
    if outputs.ndim == 4:
        outputs = outputs.movedim(1, -1)
    counted = targets != IGNORED_CLASS
    return outputs[counted], targets[counted]
