"""What every run of a stack is worth: the metrics of `nnlab.engine.evaluate`, and its probe."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from nnlab.catalogue import Task
from nnlab.engine.activations import MODULES
from nnlab.engine.batched.layers import Heard
from nnlab.engine.batched.losses import Losses
from nnlab.engine.gradient_noise import noise_metric
from nnlab.engine.layer_statistics import (
    ENDS,
    finished,
    named_numbers,
    spread,
    sums_of,
    update_ratio,
)
from nnlab.engine.probe.layers import BATCH, MOST_LAYERS

Values = list[dict[str, float]]


@torch.no_grad()
def measure(
    task: Task, losses: Losses, outputs: torch.Tensor, targets: torch.Tensor, scale: float
) -> Values:
    """The metrics of each run's outputs [runs, n, c] against targets [runs or 1, n, ...]."""
    outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
    loss = losses(outputs, targets).double()
    if task == "classification":
        right = _right(outputs.argmax(dim=-1), targets).double()
        pairs = zip(*torch.stack([loss, right]).tolist(), strict=True)
        return [{"loss": one, "accuracy": count / outputs.shape[1]} for one, count in pairs]
    errors = (outputs - targets).flatten(1)
    squared, absolute = errors.square().mean(1), errors.abs().mean(1)
    flat = targets.expand(len(outputs), *targets.shape[1:]).flatten(1)
    # As in `nnlab.engine.evaluate`: equal targets have no variance to explain.
    variance = flat.var(1, correction=0).masked_fill((flat == flat[:, :1]).all(1), 0.0)
    rows = torch.stack([loss, squared.double(), absolute.double(), variance.double()], dim=1)
    return [_of_numbers(row, scale) for row in rows.tolist()]


def _right(chosen: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    if targets.ndim == 2:
        return (chosen == targets).sum(1)
    return targets.gather(2, chosen[..., None]).sum((1, 2))


def _of_numbers(row: Sequence[float], scale: float) -> dict[str, float]:
    loss, mse, mae, variance = row
    r2 = 1.0 - mse / variance if variance > 0 else math.nan
    return {"loss": loss, "rmse": mse**0.5 * scale, "mae": mae * scale, "r2": r2}


class StackProbe:
    """What the light probe measures, of every run from the passes that happen anyway."""

    def __init__(self, template: nn.Module, stacked: nn.Module) -> None:
        names = [n for n, m in template.named_modules() if isinstance(m, MODULES)]
        self._layers: list[tuple[int, nn.Module, type[nn.Module]]] = []
        for place in spread(len(names), MOST_LAYERS):
            kind = type(template.get_submodule(names[place]))
            self._layers.append((place + 1, stacked.get_submodule(names[place]), kind))
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []
        self._outputs: dict[int, torch.Tensor] = {}

    def __enter__(self) -> None:
        """Keeps what each layer puts out first for the probed rows."""
        self._outputs = {}
        self._hooks = [layer.register_forward_hook(self._hear) for _, layer, _ in self._layers]

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def activations(self, count: int) -> Values:
        """The numbers of each layer, for each of so many runs."""
        values: Values = [{} for _ in range(count)]
        for number, layer, kind in self._layers:
            outputs = self._by_run(self._outputs[id(layer)], count)
            numel = outputs[0].numel()
            for mine, row in zip(values, sums_of(outputs, ENDS.get(kind)).tolist(), strict=True):
                mine |= named_numbers(number, kind, finished(row, numel))
        return values

    def _hear(self, layer: nn.Module, given: object, output: torch.Tensor) -> None:
        del given
        self._outputs.setdefault(id(layer), output)

    def _by_run(self, outputs: torch.Tensor, count: int) -> torch.Tensor:
        if outputs.ndim == 4:
            outputs = torch.unflatten(outputs, 1, (count, -1)).transpose(0, 1)
        return outputs[:, :BATCH]


def updates(before: torch.Tensor, after: torch.Tensor) -> Values:
    """How far a step moved the weights [runs, weights] of each run, of their size."""
    return [{"probe/update_ratio": ratio} for ratio in update_ratio(before, after).tolist()]


def noise(heard: Sequence[Heard]) -> Values:
    """The gradient noise of each run, from what its layers of weights heard of a step."""
    if not heard:
        return []
    each = torch.stack([one.each for one in heard]).sum(0).tolist()
    whole = torch.stack([one.whole for one in heard]).sum(0).tolist()
    examples = heard[0].examples
    return [noise_metric(*both, examples) for both in zip(each, whole, strict=True)]


def merged(rows: Sequence[dict[str, float]], more: Sequence[Mapping[str, float]]) -> None:
    """Adds to each run's values, where there is more."""
    for row, values in zip(rows, more, strict=False):
        row |= values
