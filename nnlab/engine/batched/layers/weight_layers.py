"""Linear and convolutional layers of all runs, which can also measure the gradient noise."""

import functools
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

from nnlab.engine.batched.layers.base import BatchedLayer
from nnlab.engine.batched.parameter_storage import ParameterStorage
from nnlab.engine.noise_scale import (
    MAX_EXAMPLES,
    mean_squared_linear_gradient,
    mean_squared_shared_gradient,
)

# Up to this many weights, computing the gradient and copying it is faster than a product that
# writes directly into rows that lie far apart in memory.
_MAX_COPIED_WEIGHTS = 4096


@dataclass(frozen=True, slots=True)
class SquaredGradientNorms:
    """Squared gradient norms of one layer in one step, as `nnlab.engine.noise_scale` needs them.

    `per_example` [runs] is the mean |gradient|² of single examples, `batch` [runs] the |gradient|²
    of the whole batch, `examples` the size of the batch.
    """

    per_example: torch.Tensor
    batch: torch.Tensor
    examples: int


class BatchedWeightLayer(BatchedLayer):
    """A layer with weights that can measure the norms of the single examples' gradients.

    Set `records_noise` before the step that is to be measured. The backward pass of that step
    stores in `example_squares` the mean |gradient|² of single examples [runs] and their number.
    """

    def __init__(self, storage: ParameterStorage, name: str) -> None:
        super().__init__(storage, name)
        self.records_noise = False
        self.example_squares: tuple[torch.Tensor, int] | None = None

    def pop_gradient_norms(self) -> SquaredGradientNorms | None:
        """The norms recorded in the last backward pass, which are cleared; None without any."""
        if self.example_squares is None:
            return None
        per_example, examples = self.example_squares
        self.example_squares = None
        gradient = self.storage.gradient_views[f"{self.prefix}weight"]
        batch = torch.linalg.vector_norm(gradient.flatten(1), dim=1).square_()
        return SquaredGradientNorms(per_example, batch, examples)


class BatchedLinear(BatchedWeightLayer):
    """[runs, n, in] to [runs, n, out]."""

    def __init__(self, storage: ParameterStorage, name: str) -> None:
        super().__init__(storage, name)
        self.weight_name, self.bias_name = f"{self.prefix}weight", f"{self.prefix}bias"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output; the autograd graph is recorded only if gradients are enabled."""
        if not torch.is_grad_enabled():
            return self.linear(x)
        out: torch.Tensor = _BatchedLinearFunction.apply(x, self.autograd_token, self)  # type: ignore[no-untyped-call]
        return out

    def linear(self, x: torch.Tensor) -> torch.Tensor:
        """Computes x W' + b for each run, without autograd."""
        weight = self.storage.parameters[self.weight_name]
        bias = self.storage.parameters.get(self.bias_name)
        transposed = weight.transpose(1, 2)
        if bias is None:
            return torch.bmm(x, transposed)
        return torch.baddbmm(bias[:, None], x, transposed)


class _BatchedLinearFunction(torch.autograd.Function):
    """x W' + b for each run; the backward pass writes the gradients to the storage.

    Gradients are neither accumulated nor copied, so a layer may be used once in a forward pass.
    `token` is a tensor that requires a gradient, because the input of the first layer does not.
    """

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, token: torch.Tensor, layer: BatchedLinear
    ) -> torch.Tensor:
        del token
        ctx.layer = layer
        ctx.save_for_backward(x)
        return layer.linear(x)

    @staticmethod
    def backward(
        ctx: Any, *output_gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, None, None]:
        (gradient,), (x,) = output_gradients, ctx.saved_tensors
        layer: BatchedLinear = ctx.layer
        gradient_views = layer.storage.gradient_views
        weight_gradient = gradient_views[layer.weight_name]
        if weight_gradient[0].numel() <= _MAX_COPIED_WEIGHTS:
            weight_gradient.copy_(torch.bmm(gradient.transpose(1, 2), x))
        else:
            torch.bmm(gradient.transpose(1, 2), x, out=weight_gradient)
        if layer.records_noise:
            layer.example_squares = mean_squared_linear_gradient(x, gradient), x.shape[1]
        if layer.bias_name in gradient_views:
            torch.sum(gradient, dim=1, out=gradient_views[layer.bias_name])
        if not ctx.needs_input_grad[0]:
            return None, None, None
        return torch.bmm(gradient, layer.storage.parameters[layer.weight_name]), None, None


class BatchedConv2d(BatchedWeightLayer):
    """A grouped convolution in which each run is one group."""

    def __init__(self, storage: ParameterStorage, name: str, solo_layer: nn.Conv2d) -> None:
        super().__init__(storage, name)
        # In a tuple, so that torch does not register it as a submodule.
        self._solo_layer = (solo_layer,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, runs * in, h, w] to [n, runs * out, h', w']."""
        weight, bias = self.parameter("weight"), self.optional_parameter("bias")
        (solo,) = self._solo_layer
        out = functional.conv2d(
            x,
            weight.flatten(0, 1),
            None if bias is None else bias.flatten(),
            solo.stride,
            solo.padding,
            solo.dilation,
            self.storage.num_runs,
        )
        if self.records_noise and out.requires_grad:
            out.register_hook(  # type: ignore[no-untyped-call]
                functools.partial(self._record_example_squares, x.detach())
            )
        return out

    def _record_example_squares(self, x: torch.Tensor, gradient: torch.Tensor) -> None:
        """Unfolds the input, as the probe of a single run does, for the channels of each run."""
        (solo,) = self._solo_layer
        runs, n = self.storage.num_runs, min(len(x), MAX_EXAMPLES)
        inputs = torch.unflatten(x[:MAX_EXAMPLES], 1, (runs, -1)).transpose(0, 1).flatten(0, 1)
        unfolded = functional.unfold(
            inputs,
            solo.kernel_size,
            solo.dilation,
            cast("tuple[int, int]", solo.padding),
            solo.stride,
        )
        by_run = torch.unflatten(gradient[:MAX_EXAMPLES], 1, (runs, -1)).transpose(0, 1).flatten(3)
        squares = mean_squared_shared_gradient(
            torch.unflatten(unfolded.transpose(1, 2), 0, (runs, n)), by_run.transpose(2, 3)
        )
        self.example_squares = squares, len(x)
