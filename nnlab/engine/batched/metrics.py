"""The metrics of every batched run: those of `nnlab.engine.evaluation`, and those of the probe."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from nnlab.catalogue import Task
from nnlab.engine.activations import ACTIVATION_MODULES
from nnlab.engine.batched.layers import SquaredGradientNorms
from nnlab.engine.batched.losses import BatchedLoss
from nnlab.engine.layer_statistics import (
    SATURATION_BOUNDS,
    compute_statistics,
    evenly_spaced_indices,
    layer_metrics,
    stacked_layer_sums,
    update_ratio,
)
from nnlab.engine.noise_scale import noise_metric
from nnlab.engine.probe.layer_outputs import MAX_PROBED_LAYERS, PROBE_BATCH_SIZE

MetricsPerRun = list[dict[str, float]]


@torch.no_grad()
def compute_metrics(
    task: Task, losses: BatchedLoss, outputs: torch.Tensor, targets: torch.Tensor, scale: float
) -> MetricsPerRun:
    """The metrics of each run, from outputs [runs, n, c] and targets [runs or 1, n, ...]."""
    outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
    loss = losses(outputs, targets).double()
    if task == "classification":
        correct = _count_correct(outputs.argmax(dim=-1), targets).double()
        pairs = zip(*torch.stack([loss, correct]).tolist(), strict=True)
        return [
            {"loss": run_loss, "accuracy": count / outputs.shape[1]} for run_loss, count in pairs
        ]
    errors = (outputs - targets).flatten(1)
    squared, absolute = errors.square().mean(1), errors.abs().mean(1)
    flat = targets.expand(len(outputs), *targets.shape[1:]).flatten(1)
    # As in `nnlab.engine.evaluation`: the variance of equal targets is exactly 0.
    variance = flat.var(1, correction=0).masked_fill((flat == flat[:, :1]).all(1), 0.0)
    rows = torch.stack([loss, squared.double(), absolute.double(), variance.double()], dim=1)
    return [_regression_metrics(row, scale) for row in rows.tolist()]


def _count_correct(predicted: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    if targets.ndim == 2:
        return (predicted == targets).sum(1)
    return targets.gather(2, predicted[..., None]).sum((1, 2))


def _regression_metrics(row: Sequence[float], scale: float) -> dict[str, float]:
    loss, mse, mae, variance = row
    r2 = 1.0 - mse / variance if variance > 0 else math.nan
    return {"loss": loss, "rmse": mse**0.5 * scale, "mae": mae * scale, "r2": r2}


class BatchedProbe:
    """The metrics of the light probe for every run, recorded while the runs are evaluated."""

    def __init__(self, template: nn.Module, batched: nn.Module) -> None:
        names = [
            name
            for name, layer in template.named_modules()
            if isinstance(layer, ACTIVATION_MODULES)
        ]
        self._layers: list[tuple[int, nn.Module, type[nn.Module]]] = []
        for index in evenly_spaced_indices(len(names), MAX_PROBED_LAYERS):
            kind = type(template.get_submodule(names[index]))
            self._layers.append((index + 1, batched.get_submodule(names[index]), kind))
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []
        self._outputs: dict[int, torch.Tensor] = {}

    def __enter__(self) -> None:
        """Starts to record the first output of each probed layer."""
        self._outputs = {}
        self._hooks = [
            layer.register_forward_hook(self._on_forward) for _, layer, _ in self._layers
        ]

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def activations(self, count: int) -> MetricsPerRun:
        """The statistics of each probed layer, for each of `count` runs."""
        metrics_per_run: MetricsPerRun = [{} for _ in range(count)]
        for number, layer, kind in self._layers:
            outputs = self._split_by_run(self._outputs[id(layer)], count)
            numel = outputs[0].numel()
            for run_metrics, sums in zip(
                metrics_per_run,
                stacked_layer_sums(outputs, SATURATION_BOUNDS.get(kind)).tolist(),
                strict=True,
            ):
                run_metrics |= layer_metrics(number, kind, compute_statistics(sums, numel))
        return metrics_per_run

    def _on_forward(self, layer: nn.Module, args: object, output: torch.Tensor) -> None:
        del args
        self._outputs.setdefault(id(layer), output)

    def _split_by_run(self, outputs: torch.Tensor, count: int) -> torch.Tensor:
        if outputs.ndim == 4:
            outputs = torch.unflatten(outputs, 1, (count, -1)).transpose(0, 1)
        return outputs[:, :PROBE_BATCH_SIZE]


def update_ratios(before: torch.Tensor, after: torch.Tensor) -> MetricsPerRun:
    """The size of a step relative to the weights [runs, weights], for each run."""
    return [{"probe/update_ratio": ratio} for ratio in update_ratio(before, after).tolist()]


def gradient_noise_metrics(layers: Sequence[SquaredGradientNorms]) -> MetricsPerRun:
    """The gradient noise of each run, from the norms that its weight layers recorded in a step."""
    if not layers:
        return []
    per_example = torch.stack([norms.per_example for norms in layers]).sum(0).tolist()
    batch = torch.stack([norms.batch for norms in layers]).sum(0).tolist()
    examples = layers[0].examples
    return [noise_metric(*pair, examples) for pair in zip(per_example, batch, strict=True)]


def merge_metrics(rows: Sequence[dict[str, float]], more: Sequence[Mapping[str, float]]) -> None:
    """Adds the metrics in `more` to those of each run; does nothing if `more` is empty."""
    for row, values in zip(rows, more, strict=False):
        row |= values
