"""Statistics of a model's layers and gradients during training in a user's own loop.

The metrics are those of nnlab's own probe (`nnlab.engine.probe`): activations, gradients and the
update ratio. A step is measured only now and then, so that it costs at most about 1 % of the time;
in the other steps one hook of the model and two of the optimizer return at once. The numbers stay
on the device; the writer's thread fetches them.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from nnlab.engine.activations import ACTIVATION_MODULES
from nnlab.engine.layer_statistics import (
    SATURATION_BOUNDS,
    compute_statistics,
    evenly_spaced_indices,
    layer_metrics,
    layer_sums,
)
from nnlab.engine.probe import MAX_PROBED_LAYERS, PROBE_BATCH_SIZE
from nnlab.tracking.logged_values import DeviceVector, stream_event

# The share of the time that measurements may take by default.
_TIME_SHARE = 0.01
# The update ratio is measured on this many elements of each of at most eight weights.
_MAX_ELEMENTS = 2**18


class LayerWatch:
    """Measures one model in steps that are far enough apart."""

    def __init__(
        self,
        model: nn.Module,
        put: Callable[[Mapping[str, Any]], None],
        every: int | None = None,
    ) -> None:
        """Registers the hooks.

        Args:
            model: the model.
            put: takes the metrics of one measured step.
            every: steps between measurements; None measures as often as `_TIME_SHARE` allows.
        """
        self._put, self._every = put, every
        layers = [module for module in model.modules() if isinstance(module, ACTIVATION_MODULES)]
        self._layers = {
            layers[index]: index + 1
            for index in evenly_spaced_indices(len(layers), MAX_PROBED_LAYERS)
        }
        weights = [p for p in model.parameters() if p.ndim >= 2 and p.requires_grad]
        self._weights = {
            index + 1: weights[index]
            for index in evenly_spaced_indices(len(weights), MAX_PROBED_LAYERS)
        }
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._ids = {id(parameter) for parameter in self._parameters}
        self._step = self._next_step = 0
        self._next_time = 0.0
        self._cost = 0.0
        self._is_measuring = False
        self._values: dict[str, DeviceVector] = {}
        self._before: list[torch.Tensor] = []
        self._layer_hooks: list[Any] = []
        self._hooks = [
            model.register_forward_pre_hook(self._before_forward),
            register_optimizer_step_pre_hook(self._before_update),
            register_optimizer_step_post_hook(self._after_update),
        ]

    def close(self) -> None:
        """Removes the hooks."""
        for hook in (*self._hooks, *self._layer_hooks):
            hook.remove()
        self._hooks, self._layer_hooks = [], []

    def _before_forward(self, model: nn.Module, args: object) -> None:
        del args
        if self._is_measuring or not model.training or not torch.is_grad_enabled():
            return
        if self._step < self._next_step or time.perf_counter() < self._next_time:
            return
        self._is_measuring, self._cost = True, 0.0
        self._values = {}
        self._layer_hooks = [layer.register_forward_hook(self._on_layer) for layer in self._layers]

    def _on_layer(self, layer: nn.Module, args: object, output: Any) -> None:
        del args
        number = self._layers[layer]
        if f"layer{number}" in self._values or not isinstance(output, torch.Tensor):
            return
        begin = time.perf_counter()
        with torch.no_grad():
            rows = output.detach()[:PROBE_BATCH_SIZE]
            if rows.ndim >= 2 and rows.is_floating_point():
                self._values[f"layer{number}"] = _activation_vector(number, type(layer), rows)
        self._cost += time.perf_counter() - begin

    def _before_update(self, optimizer: Any, *_: object) -> None:
        if not self._owns(optimizer):
            return
        self._step += 1
        if not self._is_measuring:
            return
        begin = time.perf_counter()
        for hook in self._layer_hooks:
            hook.remove()
        with torch.no_grad():
            if (gradients := _gradient_vector(self._weights, self._parameters)) is not None:
                self._values["gradients"] = gradients
            self._before = [_first_elements(weight).clone() for weight in self._weights.values()]
        self._cost += time.perf_counter() - begin

    def _after_update(self, optimizer: Any, *_: object) -> None:
        if not self._is_measuring or not self._before or not self._owns(optimizer):
            return
        begin = time.perf_counter()
        with torch.no_grad():
            self._values["updates"] = _update_vector(self._weights, self._before)
        self._before, self._is_measuring = [], False
        self._put(self._values)
        now = time.perf_counter()
        self._cost += now - begin
        if self._every is None:
            self._next_time = now + self._cost / _TIME_SHARE
        else:
            self._next_step = self._step - 1 + self._every

    def _owns(self, optimizer: Any) -> bool:
        groups = optimizer.param_groups
        return any(id(p) in self._ids for group in groups[:1] for p in group["params"][:1])


def _activation_vector(number: int, kind: type[nn.Module], rows: torch.Tensor) -> DeviceVector:
    rows = rows.float()
    count = rows.numel()
    columns = layer_sums(rows[None], SATURATION_BOUNDS.get(kind))

    def to_metrics(numbers: Sequence[float]) -> dict[str, float]:
        return layer_metrics(number, kind, compute_statistics(numbers, count))

    return _vector(torch.cat([column.reshape(-1) for column in columns]), to_metrics)


def _gradient_vector(
    weights: Mapping[int, nn.Parameter], parameters: Sequence[nn.Parameter]
) -> DeviceVector | None:
    """`probe/grad_norm/<layer>`, and `train/grad_norm` of all parameters."""
    all_gradients = [p.grad for p in parameters if p.grad is not None and not p.grad.is_sparse]
    if not all_gradients:
        return None
    norms = torch.stack([norm.float() for norm in torch._foreach_norm(all_gradients)])
    position = {id(gradient): n for n, gradient in enumerate(all_gradients)}
    layers = {
        number: position[id(weight.grad)]
        for number, weight in weights.items()
        if weight.grad is not None and id(weight.grad) in position
    }

    def to_metrics(numbers: Sequence[float]) -> dict[str, float]:
        metrics = {f"probe/grad_norm/{n}": numbers[index] for n, index in layers.items()}
        return {"train/grad_norm": math.sqrt(sum(x * x for x in numbers)), **metrics}

    return _vector(norms, to_metrics)


def _update_vector(
    weights: Mapping[int, nn.Parameter], before: Sequence[torch.Tensor]
) -> DeviceVector:
    """`probe/update_ratio` of all measured elements, and of each layer."""
    after = [_first_elements(weight) for weight in weights.values()]
    changes = torch._foreach_sub(after, list(before))
    norms = torch.stack(
        [
            norm.float()
            for norm in (*torch._foreach_norm(changes), *torch._foreach_norm(list(before)))
        ]
    )
    numbers_of = list(weights)

    def to_metrics(numbers: Sequence[float]) -> dict[str, float]:
        updates, sizes = numbers[: len(numbers_of)], numbers[len(numbers_of) :]
        metrics = {
            f"probe/update_ratio/{n}": update / size
            for n, update, size in zip(numbers_of, updates, sizes, strict=True)
            if size
        }
        total = math.sqrt(sum(size * size for size in sizes))
        if total:
            metrics["probe/update_ratio"] = math.sqrt(sum(u * u for u in updates)) / total
        return metrics

    return _vector(norms, to_metrics)


def _vector(
    tensor: torch.Tensor, to_metrics: Callable[[Sequence[float]], Mapping[str, float]]
) -> DeviceVector:
    return DeviceVector(tensor, to_metrics, stream_event(torch, tensor))


def _first_elements(weight: torch.Tensor) -> torch.Tensor:
    return weight.detach().flatten()[:_MAX_ELEMENTS]
