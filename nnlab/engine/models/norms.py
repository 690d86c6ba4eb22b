"""Normalisation layers for features [n, c], tokens [n, t, c] and images [n, c, h, w].

All have a learned scale, initially 1; all except rms a learned shift, initially 0.
"""

import copy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nnlab.engine.required_setting import required
from nnlab.errors import ConfigError, DataError
from nnlab.settings import RunConfig


class ImageRMSNorm(nn.Module):
    """Divides an image by the root mean square over its channels and pixels.

    Zhang and Sennrich 2019, eq. 4, with a learned scale per channel.
    """

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels, height, width] to the same shape."""
        inverse_rms = torch.rsqrt(x.square().mean(dim=(1, 2, 3), keepdim=True) + self.eps)
        return x * inverse_rms * self.weight[:, None, None]

    def extra_repr(self) -> str:
        """The arguments that print(model) shows."""
        return f"{len(self.weight)}, eps={self.eps}"


def build_norm(config: RunConfig, channels: int, *, images: bool) -> list[nn.Module]:
    """The normalisation layer of a resolved config, in a list; an empty list for none.

    Args:
        config: resolved.
        channels: of the input.
        images: the input is [n, channels, h, w]; else [n, channels], for layer and rms also [n,
            tokens, channels].
    """
    if config.norm in (None, "none"):
        return []
    return [_image_norm(config, channels) if images else _feature_norm(config, channels)]


@torch.no_grad()
def check_batch_of_one(model: nn.Module, example: torch.Tensor) -> None:
    """Rejects a model whose batch normalisation has one value per channel for a batch of one.

    Built-in models are checked when a run is planned; this checks user-defined ones. Images have
    many values per channel, so they pass.

    Args:
        model: a copy of it is called in training mode.
        example: [1, ...], on the model's device.

    Raises:
        ConfigError: torch cannot normalise a batch of one.
    """
    if not any(isinstance(module, _BatchNorm) for module in model.modules()):
        return
    with torch.random.fork_rng(devices=[]):
        try:
            copy.deepcopy(model).train()(example)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            problem = "batch normalisation needs a --batch-size of at least 2, got 1"
            raise ConfigError([problem]) from None


def _image_norm(config: RunConfig, channels: int) -> nn.Module:
    eps = required(config.norm_eps)
    match config.norm:
        case "batch":
            return nn.BatchNorm2d(channels, eps, config.norm_momentum)
        case "layer":
            return nn.GroupNorm(1, channels, eps)
        case "instance":
            return nn.GroupNorm(channels, channels, eps)
        case "group":
            return nn.GroupNorm(required(config.norm_groups), channels, eps)
        case _:
            return ImageRMSNorm(channels, eps)


def _feature_norm(config: RunConfig, channels: int) -> nn.Module:
    eps = required(config.norm_eps)
    match config.norm:
        case "batch":
            return nn.BatchNorm1d(channels, eps, config.norm_momentum)
        case "layer":
            return nn.LayerNorm(channels, eps)
        case "group":
            return nn.GroupNorm(required(config.norm_groups), channels, eps)
        case _:
            return nn.RMSNorm(channels, eps)


def check_instance_norm_size(config: RunConfig, side: int, size: str) -> None:
    """Rejects instance normalisation of single pixels, which would all become 0.

    Args:
        config: resolved.
        side: of the smallest image inside the model.
        size: of the examples, for the message.

    Raises:
        DataError: an image inside the model has less than 2x2 pixels.
    """
    if config.norm == "instance" and side < 2:
        raise DataError(
            f"--norm instance needs images of 2x2 in every block; --depth {config.depth} leaves"
            f" 1x1 of {config.data}'s {size} pixels"
        )
