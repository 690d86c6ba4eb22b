"""The gradient noise of a step, from the passes that it makes anyway."""

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
    """`probe/gradient_noise`, heard in the passes of a training step.

    It hears the linear layers and plain convolutions that move, and says nothing where one of
    them was left out, was called twice or shares its weights, nor where the gradient is lost in
    its noise. A penalty on the weights counts as signal, which it is.
    """

    def __init__(self, model: nn.Module) -> None:
        self._layers = [module for module in model.modules() if _is_supported_layer(module)]
        if len({layer.weight for layer in self._layers}) < len(self._layers):
            self._layers = []
        self._squared_gradients: dict[nn.Module, torch.Tensor] = {}
        self._calls = self._examples = 0

    @contextmanager
    def record_passes(self) -> Iterator[None]:
        """While it is open, a forward and a backward pass are heard."""
        self._squared_gradients, self._calls = {}, 0
        hooks = [layer.register_forward_hook(self._on_forward) for layer in self._layers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def waiting(self) -> list[DeferredMetrics]:
        """The noise in the gradients as they are now."""
        gradients = [layer.weight.grad for layer in self._layers if layer.weight.grad is not None]
        layers, examples = len(self._squared_gradients), self._examples
        if not layers or not layers == self._calls == len(gradients):
            return []

        def read(numbers: Sequence[float]) -> dict[str, float]:
            each, whole = sum(numbers[:layers]), sum(norm**2 for norm in numbers[layers:])
            return noise_metric(each, whole, examples)

        vector = torch.stack([*self._squared_gradients.values(), *torch._foreach_norm(gradients)])
        return [DeferredMetrics((vector,), read)]

    def _on_forward(
        self, layer: nn.Linear | nn.Conv2d, given: tuple[torch.Tensor, ...], output: torch.Tensor
    ) -> None:
        if not output.requires_grad or not layer.weight.requires_grad:
            return
        inputs = given[0].detach()
        self._examples = len(inputs)
        self._calls += 1

        def take(slopes: torch.Tensor) -> None:
            self._squared_gradients[layer] = _mean_squared_gradient(layer, inputs, slopes)

        output.register_hook(take)  # type: ignore[no-untyped-call]


def _is_supported_layer(module: nn.Module) -> TypeGuard[nn.Linear | nn.Conv2d]:
    """Whether it is a layer whose gradient is known; a subclass may do anything."""
    if type(module) is nn.Conv2d:
        return module.groups == 1 and isinstance(module.padding, tuple)
    return type(module) is nn.Linear


def _mean_squared_gradient(
    layer: nn.Module, inputs: torch.Tensor, slopes: torch.Tensor
) -> torch.Tensor:
    if inputs.ndim == 2:
        return mean_squared_linear_gradient(_at_least_float32(inputs), _at_least_float32(slopes))
    inputs, slopes = (
        _at_least_float32(inputs[:MAX_EXAMPLES]),
        _at_least_float32(slopes[:MAX_EXAMPLES]),
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
            patches.transpose(1, 2), slopes.flatten(2).transpose(1, 2)
        )
    return mean_squared_shared_gradient(inputs.flatten(1, -2), slopes.flatten(1, -2))


def _at_least_float32(numbers: torch.Tensor) -> torch.Tensor:
    """At least single precision: squares of half do not fit."""
    return numbers.float() if numbers.dtype in _HALF else numbers
