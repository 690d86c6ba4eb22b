"""The layers of a stack: each does for every run what its solo twin does for one.

Features are [runs, n, features]. Images are [n, runs * channels, height, width], the channels of
a run side by side, so that convolutions and normalisations of torch serve as groups of channels.
"""

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

from nnlab.engine.activations import ACTIVATION_MODULES
from nnlab.engine.batched.parameter_storage import ParameterStorage
from nnlab.engine.models.dropout import (
    ChannelDropout,
    DropConnect,
    Dropout,
    DropoutBase,
    StochasticDepth,
)
from nnlab.engine.models.layers import GlobalAveragePool
from nnlab.engine.models.norms import ImageRMSNorm
from nnlab.engine.models.resnet import PaddedShortcut, ResidualBlock
from nnlab.engine.noise_scale import (
    MAX_EXAMPLES,
    mean_squared_linear_gradient,
    mean_squared_shared_gradient,
)
from nnlab.engine.seeds import derive_seed


@dataclass(frozen=True, slots=True)
class SquaredGradientNorms:
    """What one layer's step tells of the gradient noise, as `engine.gradient_noise` has it.

    `each` and `whole` are [runs]: the mean |gradient|² of single examples and that of the batch.
    """

    each: torch.Tensor
    whole: torch.Tensor
    examples: int


class BatchedLayer(nn.Module):
    """A layer of every run at once; its parameters and buffers are those of that name."""

    def __init__(self, storage: ParameterStorage, name: str) -> None:
        super().__init__()
        self.storage = storage
        self.prefix = f"{name}." if name else ""
        # What makes autograd go back through this layer: no parameter is a leaf.
        self.token = torch.zeros((), device=storage.values.device, requires_grad=True)

    def own(self, name: str) -> torch.Tensor | None:
        """A parameter [runs, *shape], or None where the layer has none of that name.

        Asked for once in a pass: its gradient is written, not added up.
        """
        if self.prefix + name not in self.storage.parameters:
            return None
        found: torch.Tensor = _ParameterView.apply(self.token, self, self.prefix + name)  # type: ignore[no-untyped-call]
        return found

    def kept(self, name: str) -> torch.Tensor:
        """A buffer [runs, *shape]."""
        return self.storage.buffers[self.prefix + name]


class _ParameterView(torch.autograd.Function):
    """A parameter as autograd sees it; the backward pass puts its gradient into its place."""

    @staticmethod
    def forward(ctx: Any, token: torch.Tensor, layer: BatchedLayer, name: str) -> torch.Tensor:
        del token
        ctx.place = layer.storage.slopes[name]
        return layer.storage.parameters[name].view_as(layer.storage.parameters[name])

    @staticmethod
    def backward(ctx: Any, *above: torch.Tensor) -> tuple[None, None, None]:
        ctx.place.copy_(above[0])
        return None, None, None


# Up to so many weights a copy costs less than products that write into rows far apart.
_MAX_COPIED_WEIGHTS = 4096


class _BatchedLinearFunction(torch.autograd.Function):
    """x w' + b for every run, whose backward writes the gradients to where the optimizer reads.

    It adds nothing up and makes no copy, so a layer may be used once in a forward pass. `token`
    is a tensor that needs a gradient: the first layer's input does not.
    """

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, token: torch.Tensor, layer: "BatchedLinear"
    ) -> torch.Tensor:
        del token
        ctx.layer = layer
        ctx.save_for_backward(x)
        return layer.product(x)

    @staticmethod
    def backward(ctx: Any, *above: torch.Tensor) -> tuple[torch.Tensor | None, None, None]:
        (gradient,), (x,) = above, ctx.saved_tensors
        layer: BatchedLinear = ctx.layer
        weight, slopes = layer.names[0], layer.storage.slopes
        if slopes[weight][0].numel() <= _MAX_COPIED_WEIGHTS:
            slopes[weight].copy_(torch.bmm(gradient.transpose(1, 2), x))
        else:
            torch.bmm(gradient.transpose(1, 2), x, out=slopes[weight])
        if layer.hears:
            layer.each = mean_squared_linear_gradient(x, gradient), x.shape[1]
        if layer.names[1] in slopes:
            torch.sum(gradient, dim=1, out=slopes[layer.names[1]])
        if not ctx.needs_input_grad[0]:
            return None, None, None
        return torch.bmm(gradient, layer.storage.parameters[weight]), None, None


class BatchedWeightLayer(BatchedLayer):
    """A layer of weights, which can tell what the batch's gradient is made of.

    `hears` is set for the step that the probe looks at; `each` is what that step then left: the
    mean |gradient|² of single examples [runs], and how many they were.
    """

    def __init__(self, storage: ParameterStorage, name: str) -> None:
        super().__init__(storage, name)
        self.hears = False
        self.each: tuple[torch.Tensor, int] | None = None

    def heard(self) -> SquaredGradientNorms | None:
        """What the step told, after its backward pass."""
        if self.each is None:
            return None
        each, examples = self.each
        self.each = None
        gradient = self.storage.slopes[f"{self.prefix}weight"]
        whole = torch.linalg.vector_norm(gradient.flatten(1), dim=1).square_()
        return SquaredGradientNorms(each, whole, examples)


class BatchedLinear(BatchedWeightLayer):
    """[runs, n, in] to [runs, n, out]."""

    def __init__(self, storage: ParameterStorage, name: str) -> None:
        super().__init__(storage, name)
        self.names = (f"{self.prefix}weight", f"{self.prefix}bias")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Records how to go back only while a gradient is wanted."""
        if not torch.is_grad_enabled():
            return self.product(x)
        out: torch.Tensor = _BatchedLinearFunction.apply(x, self.token, self)  # type: ignore[no-untyped-call]
        return out

    def product(self, x: torch.Tensor) -> torch.Tensor:
        """The bare arithmetic."""
        weight, bias = (self.storage.parameters.get(name) for name in self.names)
        assert weight is not None
        turned = weight.transpose(1, 2)
        return torch.bmm(x, turned) if bias is None else torch.baddbmm(bias[:, None], x, turned)


class BatchedConv2d(BatchedWeightLayer):
    """A convolution of each run's own channels: groups of one large convolution."""

    def __init__(self, storage: ParameterStorage, name: str, twin: nn.Conv2d) -> None:
        super().__init__(storage, name)
        self._solo_layer = (twin,)  # in a tuple it is no part of this module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, runs * in, h, w] to [n, runs * out, h', w']."""
        weight, bias = self.own("weight"), self.own("bias")
        assert weight is not None
        (twin,) = self._solo_layer
        flat = None if bias is None else bias.flatten()
        out = functional.conv2d(
            x,
            weight.flatten(0, 1),
            flat,
            twin.stride,
            twin.padding,
            twin.dilation,
            self.storage.count,
        )
        if self.hears and out.requires_grad:
            out.register_hook(  # type: ignore[no-untyped-call]
                functools.partial(self._on_forward, x.detach())
            )
        return out

    def _on_forward(self, x: torch.Tensor, slopes: torch.Tensor) -> None:
        """As `gradient_noise` unfolds a convolution, for the channels of each run."""
        (twin,) = self._solo_layer
        runs, n = self.storage.count, min(len(x), MAX_EXAMPLES)
        inputs = torch.unflatten(x[:MAX_EXAMPLES], 1, (runs, -1)).transpose(0, 1).flatten(0, 1)
        unfolded = functional.unfold(
            inputs,
            twin.kernel_size,
            twin.dilation,
            cast("tuple[int, int]", twin.padding),
            twin.stride,
        )
        back = torch.unflatten(slopes[:MAX_EXAMPLES], 1, (runs, -1)).transpose(0, 1).flatten(3)
        each = mean_squared_shared_gradient(
            torch.unflatten(unfolded.transpose(1, 2), 0, (runs, n)), back.transpose(2, 3)
        )
        self.each = each, len(x)


class BatchedBatchNorm(BatchedLayer):
    """Each run by the mean and variance of its own batch; running statistics when evaluating."""

    def __init__(self, storage: ParameterStorage, name: str, twin: Any) -> None:
        super().__init__(storage, name)
        self._momentum, self._eps = twin.momentum, twin.eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features or images, to the same."""
        if x.ndim == 4:
            return self._normalise(x)
        runs, _, features = x.shape
        # To torch the features of all runs are channels, and the examples are pixels.
        channels = x.transpose(1, 2).reshape(1, runs * features, -1)
        return self._normalise(channels).view(runs, features, -1).transpose(1, 2)

    def _normalise(self, x: torch.Tensor) -> torch.Tensor:
        weight, bias = self.own("weight"), self.own("bias")
        assert weight is not None
        assert bias is not None
        if self.training:
            self.kept("num_batches_tracked").add_(1)
        return functional.batch_norm(
            x,
            self.kept("running_mean").view(-1),
            self.kept("running_var").view(-1),
            weight.flatten(),
            bias.flatten(),
            self.training,
            self._momentum,
            self._eps,
        )


class BatchedFeatureNorm(BatchedLayer):
    """Layer, group or root mean square normalisation of features, scaled as each run says."""

    def __init__(self, storage: ParameterStorage, name: str, twin: nn.Module) -> None:
        super().__init__(storage, name)
        self._normalise = _FEATURE_NORMS[type(twin)](twin)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[runs, n, features] to the same."""
        weight, bias = self.own("weight"), self.own("bias")
        assert weight is not None
        scaled = self._normalise(x) * weight[:, None, :]
        return scaled if bias is None else scaled + bias[:, None, :]


class BatchedImageGroupNorm(BatchedLayer):
    """Group normalisation of images: the groups of all runs side by side."""

    def __init__(self, storage: ParameterStorage, name: str, twin: nn.GroupNorm) -> None:
        super().__init__(storage, name)
        self._groups, self._eps = twin.num_groups, twin.eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, runs * c, h, w] to the same."""
        weight, bias = self.own("weight"), self.own("bias")
        assert weight is not None
        assert bias is not None
        groups = self._groups * self.storage.count
        return functional.group_norm(x, groups, weight.flatten(), bias.flatten(), self._eps)


class BatchedImageRMSNorm(BatchedLayer):
    """Each run's images by the root mean square of their channels and pixels."""

    def __init__(self, storage: ParameterStorage, name: str, twin: ImageRMSNorm) -> None:
        super().__init__(storage, name)
        self._eps = twin.eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, runs * c, h, w] to the same."""
        weight = self.own("weight")
        assert weight is not None
        apart = torch.unflatten(x, 1, (self.storage.count, -1))
        size = torch.rsqrt(apart.square().mean(dim=(2, 3, 4), keepdim=True) + self._eps)
        return (apart * size * weight[:, :, None, None]).flatten(1, 2)


class BatchedPReLU(BatchedLayer):
    """A slope below zero for each run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features or images, to the same."""
        weight = self.own("weight")
        assert weight is not None
        if x.ndim == 3:
            return functional.prelu(x.transpose(0, 1), weight.flatten()).transpose(0, 1)
        each = x.shape[1] // self.storage.count
        return functional.prelu(x, weight.expand(-1, each).flatten())


class BatchedNoise(BatchedLayer):
    """Noise whose masks are drawn for each run as it would draw them alone."""

    def __init__(self, storage: ParameterStorage, name: str, twins: Sequence[DropoutBase]) -> None:
        super().__init__(storage, name)
        self.kind, self.part = type(twins[0]), twins[0].part
        self.rates = [twin.p for twin in twins]
        self._generators: list[torch.Generator] = []

    def seed_epoch(self, seeds: Sequence[int], epochs: Sequence[int], device: torch.device) -> None:
        """Seeds the masks of each run's own epoch."""
        self._generators = [
            torch.Generator(device).manual_seed(
                derive_seed(seed, self.kind.purpose, epoch, self.part)
            )
            for seed, epoch in zip(seeds, epochs, strict=True)
        ]

    def keep(self, rows: Sequence[int]) -> None:
        """Only these runs stay."""
        self.rates = [self.rates[row] for row in rows]

    def draw_masks(self, like: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        """Masks [runs, *shape], 0 with each run's rate and 1 / (1 - rate) otherwise."""
        masks = like.new_empty((len(self.rates), *shape))
        for mask, rate, draw in zip(masks, self.rates, self._generators, strict=True):
            mask.bernoulli_(1.0 - rate, generator=draw).div_(1.0 - rate)
        return masks

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Drops while training, passes through otherwise."""
        if not self.training:
            return x
        if x.ndim == 3:
            return x * self.draw_masks(x, tuple(x.shape[1:]))
        n, each = len(x), x.shape[1] // self.storage.count
        shape = {
            Dropout: (n, each, *x.shape[2:]),
            ChannelDropout: (n, each, 1, 1),
            StochasticDepth: (n, 1, 1, 1),
        }[self.kind]
        masks = self.draw_masks(x, shape).transpose(0, 1)
        return (torch.unflatten(x, 1, (-1, each)) * masks).flatten(1, 2)


class BatchedDropConnect(BatchedNoise):
    """A linear layer that drops single weights of each run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[runs, n, in] to [runs, n, out]."""
        weight, bias = self.own("weight"), self.own("bias")
        assert weight is not None
        assert bias is not None
        if self.training:
            weight = weight * self.draw_masks(weight, tuple(weight.shape[1:]))
        return torch.baddbmm(bias[:, None, :], x, weight.transpose(1, 2))


class BatchedGlobalAverage(BatchedLayer):
    """The mean over the pixels: [n, runs * c, h, w] to [runs, n, c]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From images to features."""
        return torch.unflatten(x.mean(dim=(2, 3)), 1, (self.storage.count, -1)).transpose(0, 1)


class BatchedPaddedShortcut(BatchedLayer):
    """Every second pixel, and zeros for the channels that each run has new."""

    def __init__(self, storage: ParameterStorage, name: str, twin: PaddedShortcut) -> None:
        super().__init__(storage, name)
        self._stride, self._new_channels = twin.stride, twin.new

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, runs * c, h, w] to [n, runs * (c + new), h / stride, w / stride]."""
        apart = torch.unflatten(
            x[:, :, :: self._stride, :: self._stride], 1, (self.storage.count, -1)
        )
        return functional.pad(apart, (0, 0, 0, 0, 0, self._new_channels)).flatten(1, 2)


class BatchedFlatten(BatchedLayer):
    """[runs, n, ...] to [runs, n, features]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Examples of any shape."""
        return x.flatten(2)


LayerFactory = Callable[[ParameterStorage, str, Sequence[Any]], nn.Module]


def _from_first_layer(kind: Callable[[ParameterStorage, str, Any], nn.Module]) -> LayerFactory:
    """Made from the first run's layer: all are alike but for their parameters."""
    return lambda storage, name, twins: kind(storage, name, twins[0])


def _from_storage_only(kind: Callable[[ParameterStorage, str], nn.Module]) -> LayerFactory:
    return lambda storage, name, _: kind(storage, name)


def _make_group_norm(storage: ParameterStorage, name: str, twins: Sequence[Any]) -> nn.Module:
    return _BatchedGroupNorm(storage, name, twins[0])


class _BatchedGroupNorm(BatchedLayer):
    """Of features or images: which of them shows only when they come."""

    def __init__(self, storage: ParameterStorage, name: str, twin: nn.GroupNorm) -> None:
        super().__init__(storage, name)
        self._images = BatchedImageGroupNorm(storage, name, twin)
        self._features = BatchedFeatureNorm(storage, name, twin)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features or images, to the same."""
        out: torch.Tensor = self._images(x) if x.ndim == 4 else self._features(x)
        return out


_FEATURE_NORMS: Mapping[
    type[nn.Module], Callable[[Any], Callable[[torch.Tensor], torch.Tensor]]
] = {
    nn.LayerNorm: lambda twin: (
        lambda x: functional.layer_norm(x, twin.normalized_shape, eps=twin.eps)
    ),
    nn.RMSNorm: lambda twin: lambda x: functional.rms_norm(x, twin.normalized_shape, eps=twin.eps),
    nn.GroupNorm: lambda twin: (
        lambda x: functional.group_norm(x.flatten(0, 1), twin.num_groups, eps=twin.eps).view_as(x)
    ),
}

BATCHED_LAYERS: Mapping[type[nn.Module], LayerFactory] = {
    nn.Linear: _from_storage_only(BatchedLinear),
    nn.Conv2d: _from_first_layer(BatchedConv2d),
    nn.BatchNorm1d: _from_first_layer(BatchedBatchNorm),
    nn.BatchNorm2d: _from_first_layer(BatchedBatchNorm),
    nn.LayerNorm: _from_first_layer(BatchedFeatureNorm),
    nn.RMSNorm: _from_first_layer(BatchedFeatureNorm),
    nn.GroupNorm: _make_group_norm,
    ImageRMSNorm: _from_first_layer(BatchedImageRMSNorm),
    nn.PReLU: _from_storage_only(BatchedPReLU),
    nn.Flatten: _from_storage_only(BatchedFlatten),
    GlobalAveragePool: _from_storage_only(BatchedGlobalAverage),
    PaddedShortcut: _from_first_layer(BatchedPaddedShortcut),
    Dropout: BatchedNoise,
    ChannelDropout: BatchedNoise,
    StochasticDepth: BatchedNoise,
    DropConnect: BatchedDropConnect,
}

# What treats every number, or every image, by itself is its own twin.
_REUSABLE_LAYERS = (*ACTIVATION_MODULES, nn.Identity, nn.MaxPool2d)
# What only says how its parts are joined.
_CONTAINERS = (nn.Sequential, ResidualBlock)


def is_batchable(model: nn.Module) -> bool:
    """Whether every layer of a model has a twin."""
    return all(
        type(module) in (*BATCHED_LAYERS, *_REUSABLE_LAYERS, *_CONTAINERS)
        for module in model.modules()
    )


def build_batched(models: Sequence[nn.Module], storage: ParameterStorage) -> nn.Module:
    """One module that does for all runs what the models, alike in shape, do for one each."""
    found = copy.copy(models[0])
    return _build_module(found, "", models, storage)


def _build_module(
    module: nn.Module, name: str, models: Sequence[nn.Module], storage: ParameterStorage
) -> nn.Module:
    make = BATCHED_LAYERS.get(type(module))
    if make is not None:
        return make(storage, name, [model.get_submodule(name) for model in models])
    joined = copy.copy(module)
    joined._modules = {
        part: _build_module(child, f"{name}.{part}" if name else part, models, storage)
        for part, child in module._modules.items()
        if child is not None
    }
    return joined
