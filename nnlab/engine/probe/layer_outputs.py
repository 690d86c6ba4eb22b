"""Statistics of hidden layers' outputs, recorded during the evaluation of the validation split."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.engine.activations import ACTIVATION_MODULES
from nnlab.engine.hooks import eval_mode
from nnlab.engine.layer_statistics import (
    SATURATION_BOUNDS,
    compute_statistics,
    evenly_spaced_indices,
    layer_metrics,
    layer_sums,
)
from nnlab.engine.probe.deferred import DeferredMetrics
from nnlab.engine.probe.function_calls import FunctionCalls

# Examples in the fixed batch: the first of the validation split.
PROBE_BATCH_SIZE = 64
# In deeper models this many evenly spaced layers are measured, including the first and the last.
MAX_PROBED_LAYERS = 8


@dataclass(frozen=True, slots=True)
class LayerGroup:
    """Layers of one kind and shape: their numbers and their outputs [layers, n, ...]."""

    numbers: Sequence[int]
    outputs: torch.Tensor
    kind: type[nn.Module]

    def deferred_metrics(self) -> DeferredMetrics:
        """The statistics of each layer."""
        return DeferredMetrics(
            layer_sums(self.outputs, SATURATION_BOUNDS.get(self.kind)), self._to_metrics
        )

    def _to_metrics(self, columns: Sequence[float]) -> dict[str, float]:
        layers, count = len(self.numbers), self.outputs[0].numel()
        values: dict[str, float] = {}
        for index, number in enumerate(self.numbers):
            values |= layer_metrics(
                number, self.kind, compute_statistics(columns[index::layers], count)
            )
        return values


class LayerProbe:
    """Records the outputs of a model's activations; see `engine.layer_statistics`."""

    def __init__(self, model: nn.Module, examples: torch.Tensor) -> None:
        """`examples` are the fixed batch, used if no evaluation was recorded."""
        layers = [module for module in model.modules() if isinstance(module, ACTIVATION_MODULES)]
        self._numbers = {
            layers[index]: index + 1
            for index in evenly_spaced_indices(len(layers), MAX_PROBED_LAYERS)
        }
        self._model, self._examples = model, examples
        self._num_layers = len(layers)
        self._recorded_layers: set[nn.Module] = set()
        self._outputs: dict[nn.Module, torch.Tensor] = {}
        self._groups: list[LayerGroup] = []

    def covers(self, calls: FunctionCalls) -> bool:
        """Whether the activations that a pass calls are the modules, each called once."""
        ends_in_activation = calls.output in ACTIVATION_MODULES
        return len(calls.hidden) + ends_in_activation == self._num_layers

    @contextmanager
    def record_passes(self) -> Iterator[None]:
        """While this context is open, the first output of each layer is recorded."""
        self._recorded_layers.clear()
        hooks = [layer.register_forward_hook(self._on_forward) for layer in self._numbers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def deferred_metrics(self) -> list[DeferredMetrics]:
        """The recorded statistics; if nothing was recorded, those of the fixed batch."""
        if not self._recorded_layers and self._numbers:
            self._record_fixed_batch()
        if not self._groups or self._outputs.keys() != self._recorded_layers:
            self._group_layers()
        self._recorded_layers.clear()
        return [group.deferred_metrics() for group in self._groups]

    def _on_forward(self, layer: nn.Module, args: object, output: torch.Tensor) -> None:
        del args
        if layer in self._recorded_layers:
            return
        self._recorded_layers.add(layer)
        rows, stored = output[:PROBE_BATCH_SIZE], self._outputs.get(layer)
        if stored is not None and stored.shape == rows.shape:
            stored.copy_(rows)
        else:
            self._outputs[layer] = rows.to(
                torch.promote_types(rows.dtype, torch.float32), copy=True
            )
            self._groups = []

    @torch.no_grad()
    def _record_fixed_batch(self) -> None:
        with self.record_passes(), eval_mode(self._model) as model:
            model(self._examples)

    def _group_layers(self) -> None:
        """Stores the outputs of layers of one kind and shape in one tensor, reused in every epoch.

        For small models an operation costs more than its arithmetic, so few operations are used.
        """
        self._outputs = {
            layer: output
            for layer, output in self._outputs.items()
            if layer in self._recorded_layers
        }
        by_kind_and_shape: dict[tuple[type[nn.Module], torch.Size], list[nn.Module]] = {}
        for layer in self._numbers:
            if layer in self._outputs:
                by_kind_and_shape.setdefault((type(layer), self._outputs[layer].shape), []).append(
                    layer
                )
        self._groups = []
        for (kind, _), layers in by_kind_and_shape.items():
            outputs = torch.stack([self._outputs[layer] for layer in layers])
            self._groups.append(
                LayerGroup([self._numbers[layer] for layer in layers], outputs, kind)
            )
            self._outputs |= dict(zip(layers, outputs, strict=True))
