"""The base class of all batched layers: access to the parameters and buffers of every run."""

from typing import Any

import torch
from torch import nn

from nnlab.engine.batched.parameter_storage import ParameterStorage


class BatchedLayer(nn.Module):
    """One layer of all runs, which reads its parameters and buffers from a `ParameterStorage`.

    `prefix` is the dotted name of the layer in a single run's model, with a trailing dot.
    """

    def __init__(self, storage: ParameterStorage, name: str) -> None:
        super().__init__()
        self.storage = storage
        self.prefix = f"{name}." if name else ""
        # The parameters are views of the storage and not leaves of the autograd graph. This
        # tensor requires a gradient, so that autograd runs the backward pass of the layer.
        self.autograd_token = torch.zeros((), device=storage.values.device, requires_grad=True)

    def parameter(self, name: str) -> torch.Tensor:
        """The parameter `name` of all runs, [runs, *shape].

        Call it once in each forward pass: the backward pass overwrites the gradient and does not
        accumulate it.

        Raises:
            KeyError: the layer has no parameter of that name.
        """
        view: torch.Tensor = _ParameterView.apply(self.autograd_token, self, self.prefix + name)  # type: ignore[no-untyped-call]
        return view

    def optional_parameter(self, name: str) -> torch.Tensor | None:
        """As `parameter`; None if the layer has no parameter of that name."""
        if self.prefix + name not in self.storage.parameters:
            return None
        return self.parameter(name)

    def buffer(self, name: str) -> torch.Tensor:
        """The buffer `name` of all runs, [runs, *shape]."""
        return self.storage.buffers[self.prefix + name]


class _ParameterView(torch.autograd.Function):
    """A parameter in the autograd graph; its backward pass writes the gradient to the storage."""

    @staticmethod
    def forward(ctx: Any, token: torch.Tensor, layer: BatchedLayer, name: str) -> torch.Tensor:
        del token
        ctx.gradient_view = layer.storage.gradient_views[name]
        return layer.storage.parameters[name].view_as(layer.storage.parameters[name])

    @staticmethod
    def backward(ctx: Any, *output_gradients: torch.Tensor) -> tuple[None, None, None]:
        ctx.gradient_view.copy_(output_gradients[0])
        return None, None, None
