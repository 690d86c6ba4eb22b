"""The gradient noise of a step, measured by hooks on the step's own passes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeGuard, cast

import torch
from torch import nn
from torch.nn import functional

from nnlab.engine.noise_scale import (
    MAX_EXAMPLES,
    mean_squared_linear_gradient,
    mean_squared_shared_gradient,
    noise_metric,
)
from nnlab.engine.probe.deferred import DeferredMetrics

_HALF = (torch.float16, torch.bfloat16)


class GradientNoiseProbe:
    """Measures `probe/gradient_noise` during the passes of a training step.

    It covers the trainable linear layers and ungrouped convolutions. There is no metric if one of
    these layers was not called, was called twice or shares its weights, or if the gradient cannot
    be distinguished from its noise. A penalty on the weights counts as signal, since it is the
    same for all examples.
    """

    def __init__(self, model: nn.Module) -> None:
        self._layers = [module for module in model.modules() if _is_supported_layer(module)]
        if len({layer.weight for layer in self._layers}) < len(self._layers):
            self._layers = []
        self._squared_gradients: dict[nn.Module, torch.Tensor] = {}
        self._calls = self._examples = 0

    @contextmanager
    def record_passes(self) -> Iterator[None]:
        """While this context is open, a forward and a backward pass are recorded."""
        self._squared_gradients, self._calls = {}, 0
        hooks = [layer.register_forward_hook(self._on_forward) for layer in self._layers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def deferred_metrics(self) -> list[DeferredMetrics]:
        """The gradient noise from the recorded passes and the current gradients."""
        gradients = [layer.weight.grad for layer in self._layers if layer.weight.grad is not None]
        layers, examples = len(self._squared_gradients), self._examples
        if not layers or not layers == self._calls == len(gradients):
            return []

        def to_metrics(numbers: Sequence[float]) -> dict[str, float]:
            per_example, batch = sum(numbers[:layers]), sum(norm**2 for norm in numbers[layers:])
            return noise_metric(per_example, batch, examples)

        vector = torch.stack([*self._squared_gradients.values(), *torch._foreach_norm(gradients)])
        return [DeferredMetrics((vector,), to_metrics)]

    def _on_forward(
        self, layer: nn.Linear | nn.Conv2d, args: tuple[torch.Tensor, ...], output: torch.Tensor
    ) -> None:
        if not output.requires_grad or not layer.weight.requires_grad:
            return
        inputs = args[0].detach()
        self._examples = len(inputs)
        self._calls += 1

        def record(output_gradients: torch.Tensor) -> None:
            self._squared_gradients[layer] = _mean_squared_gradient(layer, inputs, output_gradients)

        output.register_hook(record)  # type: ignore[no-untyped-call]


def _is_supported_layer(module: nn.Module) -> TypeGuard[nn.Linear | nn.Conv2d]:
    """Whether the layer's gradient has a known form; a subclass may compute anything."""
    if type(module) is nn.Conv2d:
        return module.groups == 1 and isinstance(module.padding, tuple)
    return type(module) is nn.Linear


def _mean_squared_gradient(
    layer: nn.Module, inputs: torch.Tensor, output_gradients: torch.Tensor
) -> torch.Tensor:
    if inputs.ndim == 2:
        return mean_squared_linear_gradient(
            _at_least_float32(inputs), _at_least_float32(output_gradients)
        )
    inputs, output_gradients = (
        _at_least_float32(inputs[:MAX_EXAMPLES]),
        _at_least_float32(output_gradients[:MAX_EXAMPLES]),
    )
    if isinstance(layer, nn.Conv2d):
        patches = functional.unfold(
            inputs,
            layer.kernel_size,
            layer.dilation,
            cast("tuple[int, int]", layer.padding),
            layer.stride,
        )
        return mean_squared_shared_gradient(
            patches.transpose(1, 2), output_gradients.flatten(2).transpose(1, 2)
        )
    return mean_squared_shared_gradient(inputs.flatten(1, -2), output_gradients.flatten(1, -2))


def _at_least_float32(numbers: torch.Tensor) -> torch.Tensor:
    """Converts half precision to single precision, in which squares do not overflow."""
    return numbers.float() if numbers.dtype in _HALF else numbers
