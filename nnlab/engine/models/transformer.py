"""A small transformer encoder for images, sequences and feature vectors.

Dosovitskiy et al. 2021 for the patches, Vaswani et al. 2017 for attention, with the
normalisation before each part (Xiong et al. 2020).
"""

import math

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from nnlab.config import RunConfig
from nnlab.engine.activations import get_activation
from nnlab.engine.models.dropout import Dropout, StochasticDepth, stochastic_depth_probability
from nnlab.engine.models.layers import hidden_gain, initialize_layer
from nnlab.engine.models.norms import build_norm

# Units inside the fully connected part of a block, of the block's width.
_MLP_RATIO = 4


class PatchSplitter(nn.Module):
    """Cuts images into squares, anything flat into pieces; zeros fill the last."""

    def __init__(self, in_shape: tuple[int, ...], side: int) -> None:
        super().__init__()
        self.side = side
        counts = [math.ceil(size / side) for size in in_shape[-2:]]
        self.images = len(in_shape) == 3
        self.tokens = math.prod(counts)
        self.size = in_shape[0] * side**2 if self.images else side

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, c, h, w] to [n, tokens, c · side²]; [n, features] to [n, tokens, side]."""
        if not self.images:
            x = nn.functional.pad(x, (0, -x.shape[1] % self.side))
            return torch.unflatten(x, 1, (-1, self.side))
        x = nn.functional.pad(x, (0, -x.shape[3] % self.side, 0, -x.shape[2] % self.side))
        x = torch.unflatten(torch.unflatten(x, 3, (-1, self.side)), 2, (-1, self.side))
        # [n, c, rows, side, columns, side]
        return x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


class PositionEmbedding(nn.Module):
    """Adds what each place has learned: [n, tokens, width] to the same."""

    def __init__(self, tokens: int, width: int, draw: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(tokens, width))
        nn.init.normal_(self.weight, 0.0, 0.02, generator=draw)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Broadcast over the batch."""
        return x + self.weight


class SelfAttention(nn.Module):
    """Each token asks all (Vaswani et al. 2017, eq. 1), in several heads."""

    def __init__(self, config: RunConfig, width: int, draw: torch.Generator) -> None:
        super().__init__()
        assert config.heads is not None
        self.heads = config.heads
        self.into = initialize_layer(nn.Linear(width, 3 * width), config, draw, gain=1.0)
        self.out = initialize_layer(nn.Linear(width, width), config, draw, gain=1.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, tokens, width] to the same."""
        queries, keys, values = (
            torch.unflatten(part, 2, (self.heads, -1)).transpose(1, 2)
            for part in self.into(x).chunk(3, dim=2)
        )
        # The plain kernel: the same bits each time, and it can be differentiated twice.
        with sdpa_kernel(SDPBackend.MATH):
            heads = nn.functional.scaled_dot_product_attention(queries, keys, values)
        mixed: torch.Tensor = self.out(heads.transpose(1, 2).flatten(2))
        return mixed


class ResidualAdd(nn.Module):
    """x plus what a branch makes of it."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, tokens, width] to the same."""
        summed: torch.Tensor = x + self.branch(x)
        return summed


class TokenMeanPool(nn.Module):
    """The mean over tokens."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, tokens, width] to [n, width]."""
        return x.mean(dim=1)


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, draw: torch.Generator
) -> nn.Module:
    """`depth` blocks of attention and a fully connected part over tokens of `width` numbers."""
    assert config.width is not None
    assert config.depth is not None
    assert config.patch is not None
    patches = PatchSplitter(in_shape, config.patch)
    embed = initialize_layer(nn.Linear(patches.size, config.width), config, draw, gain=1.0)
    modules = [patches, embed, PositionEmbedding(patches.tokens, config.width, draw)]
    for block in range(config.depth):
        modules += _build_block(config, config.width, block, draw)
    modules += [*build_norm(config, config.width, images=False), TokenMeanPool()]
    modules.append(initialize_layer(nn.Linear(config.width, outputs), config, draw, gain=1.0))
    return nn.Sequential(*modules)


def _build_block(
    config: RunConfig, width: int, block: int, draw: torch.Generator
) -> list[nn.Module]:
    pieces = get_activation(config).pieces
    inside = _MLP_RATIO * width
    attention = [SelfAttention(config, width, draw)]
    dense = [
        initialize_layer(nn.Linear(width, inside * pieces), config, draw, gain=hidden_gain(config)),
        get_activation(config).build(),
        initialize_layer(nn.Linear(inside, width), config, draw, gain=1.0),
    ]
    return [
        ResidualAdd(
            nn.Sequential(
                *build_norm(config, width, images=False), *part, *_branch_dropout(config, place)
            )
        )
        for part, place in ((attention, 2 * block), (dense, 2 * block + 1))
    ]


def _branch_dropout(config: RunConfig, place: int) -> list[nn.Module]:
    """What ends a branch; attention and dense part of a block are skipped each by itself."""
    assert config.depth is not None
    noise: list[nn.Module] = []
    if config.dropout:
        noise.append(Dropout(config.dropout, place))
    if config.stochastic_depth:
        chance = stochastic_depth_probability(config.stochastic_depth, place, 2 * config.depth)
        noise.append(StochasticDepth(chance, place))
    return noise
