"""What hidden layers put out, heard while the validation split is evaluated."""

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

# Examples in the fixed batch.
PROBE_BATCH_SIZE = 64
# Deeper models are measured at so many layers, evenly spread, the first and the last among them.
MAX_PROBED_LAYERS = 8


@dataclass(frozen=True, slots=True)
class _LayerGroup:
    """Layers of one kind and shape: their numbers, and what they put out, [layers, n, ...]."""

    numbers: Sequence[int]
    outputs: torch.Tensor
    kind: type[nn.Module]

    def waiting(self) -> DeferredMetrics:
        return DeferredMetrics(
            layer_sums(self.outputs, SATURATION_BOUNDS.get(self.kind)), self._read
        )

    def _read(self, columns: Sequence[float]) -> dict[str, float]:
        layers, count = len(self.numbers), self.outputs[0].numel()
        values: dict[str, float] = {}
        for place, number in enumerate(self.numbers):
            values |= layer_metrics(
                number, self.kind, compute_statistics(columns[place::layers], count)
            )
        return values


class LayerProbe:
    """The activations of a model that are measured, and what they put out last."""

    def __init__(self, model: nn.Module, examples: torch.Tensor) -> None:
        """`examples` are the fixed batch, for where no evaluation was heard."""
        found = [module for module in model.modules() if isinstance(module, ACTIVATION_MODULES)]
        self._numbers = {
            found[place]: place + 1
            for place in evenly_spaced_indices(len(found), MAX_PROBED_LAYERS)
        }
        self._model, self._examples = model, examples
        self._recorded_layers: set[nn.Module] = set()
        self._kept: dict[nn.Module, torch.Tensor] = {}
        self._groups: list[_LayerGroup] = []

    @contextmanager
    def record_passes(self) -> Iterator[None]:
        """While it is open, what each layer puts out first is kept."""
        self._recorded_layers.clear()
        hooks = [layer.register_forward_hook(self._on_forward) for layer in self._numbers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def waiting(self) -> list[DeferredMetrics]:
        """What was heard, or where nothing was, what the fixed batch gives."""
        if not self._recorded_layers and self._numbers:
            self._record_fixed_batch()
        if not self._groups or self._kept.keys() != self._recorded_layers:
            self._arrange()
        self._recorded_layers.clear()
        return [group.waiting() for group in self._groups]

    def _on_forward(self, layer: nn.Module, given: object, output: torch.Tensor) -> None:
        del given
        if layer in self._recorded_layers:
            return
        self._recorded_layers.add(layer)
        rows, kept = output[:PROBE_BATCH_SIZE], self._kept.get(layer)
        if kept is not None and kept.shape == rows.shape:
            kept.copy_(rows)
        else:
            self._kept[layer] = rows.to(torch.promote_types(rows.dtype, torch.float32), copy=True)
            self._groups = []

    @torch.no_grad()
    def _record_fixed_batch(self) -> None:
        with self.record_passes(), eval_mode(self._model) as model:
            model(self._examples)

    def _arrange(self) -> None:
        """Puts what alike layers put out side by side, where it stays from epoch to epoch.

        An operation on a small model costs more than its arithmetic, so few are made.
        """
        self._kept = {
            layer: kept for layer, kept in self._kept.items() if layer in self._recorded_layers
        }
        alike: dict[tuple[type[nn.Module], torch.Size], list[nn.Module]] = {}
        for layer in self._numbers:
            if layer in self._kept:
                alike.setdefault((type(layer), self._kept[layer].shape), []).append(layer)
        self._groups = []
        for (kind, _), layers in alike.items():
            outputs = torch.stack([self._kept[layer] for layer in layers])
            self._groups.append(_LayerGroup([self._numbers[one] for one in layers], outputs, kind))
            self._kept |= dict(zip(layers, outputs, strict=True))
