"""What every run of a stack is worth: the metrics of `nnlab.engine.evaluation`, and its probe."""

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
    """The metrics of each run's outputs [runs, n, c] against targets [runs or 1, n, ...]."""
    outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
    loss = losses(outputs, targets).double()
    if task == "classification":
        right = _count_correct(outputs.argmax(dim=-1), targets).double()
        pairs = zip(*torch.stack([loss, right]).tolist(), strict=True)
        return [{"loss": one, "accuracy": count / outputs.shape[1]} for one, count in pairs]
    errors = (outputs - targets).flatten(1)
    squared, absolute = errors.square().mean(1), errors.abs().mean(1)
    flat = targets.expand(len(outputs), *targets.shape[1:]).flatten(1)
    # As in `nnlab.engine.evaluation`: equal targets have no variance to explain.
    variance = flat.var(1, correction=0).masked_fill((flat == flat[:, :1]).all(1), 0.0)
    rows = torch.stack([loss, squared.double(), absolute.double(), variance.double()], dim=1)
    return [_regression_metrics(row, scale) for row in rows.tolist()]


def _count_correct(chosen: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    if targets.ndim == 2:
        return (chosen == targets).sum(1)
    return targets.gather(2, chosen[..., None]).sum((1, 2))


def _regression_metrics(row: Sequence[float], scale: float) -> dict[str, float]:
    loss, mse, mae, variance = row
    r2 = 1.0 - mse / variance if variance > 0 else math.nan
    return {"loss": loss, "rmse": mse**0.5 * scale, "mae": mae * scale, "r2": r2}


class BatchedProbe:
    """What the light probe measures, of every run from the passes that happen anyway."""

    def __init__(self, template: nn.Module, stacked: nn.Module) -> None:
        names = [n for n, m in template.named_modules() if isinstance(m, ACTIVATION_MODULES)]
        self._layers: list[tuple[int, nn.Module, type[nn.Module]]] = []
        for place in evenly_spaced_indices(len(names), MAX_PROBED_LAYERS):
            kind = type(template.get_submodule(names[place]))
            self._layers.append((place + 1, stacked.get_submodule(names[place]), kind))
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []
        self._outputs: dict[int, torch.Tensor] = {}

    def __enter__(self) -> None:
        """Keeps what each layer puts out first for the probed rows."""
        self._outputs = {}
        self._hooks = [
            layer.register_forward_hook(self._on_forward) for _, layer, _ in self._layers
        ]

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def activations(self, count: int) -> MetricsPerRun:
        """The numbers of each layer, for each of so many runs."""
        values: MetricsPerRun = [{} for _ in range(count)]
        for number, layer, kind in self._layers:
            outputs = self._split_by_run(self._outputs[id(layer)], count)
            numel = outputs[0].numel()
            for mine, row in zip(
                values,
                stacked_layer_sums(outputs, SATURATION_BOUNDS.get(kind)).tolist(),
                strict=True,
            ):
                mine |= layer_metrics(number, kind, compute_statistics(row, numel))
        return values

    def _on_forward(self, layer: nn.Module, given: object, output: torch.Tensor) -> None:
        del given
        self._outputs.setdefault(id(layer), output)

    def _split_by_run(self, outputs: torch.Tensor, count: int) -> torch.Tensor:
        if outputs.ndim == 4:
            outputs = torch.unflatten(outputs, 1, (count, -1)).transpose(0, 1)
        return outputs[:, :PROBE_BATCH_SIZE]


def update_ratios(before: torch.Tensor, after: torch.Tensor) -> MetricsPerRun:
    """How far a step moved the weights [runs, weights] of each run, of their size."""
    return [{"probe/update_ratio": ratio} for ratio in update_ratio(before, after).tolist()]


def gradient_noise_metrics(heard: Sequence[SquaredGradientNorms]) -> MetricsPerRun:
    """The gradient noise of each run, from what its layers of weights heard of a step."""
    if not heard:
        return []
    each = torch.stack([one.each for one in heard]).sum(0).tolist()
    whole = torch.stack([one.whole for one in heard]).sum(0).tolist()
    examples = heard[0].examples
    return [noise_metric(*both, examples) for both in zip(each, whole, strict=True)]


def merge_metrics(rows: Sequence[dict[str, float]], more: Sequence[Mapping[str, float]]) -> None:
    """Adds to each run's values, where there is more."""
    for row, values in zip(rows, more, strict=False):
        row |= values
