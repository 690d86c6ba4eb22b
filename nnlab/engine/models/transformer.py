"""A small transformer for images, signals, feature vectors and tokens.

Patches as in Dosovitskiy et al. 2021, attention as in Vaswani et al. 2017, and pre-layer
normalisation (Xiong et al. 2020). `token_transformer` has the parts that only tokens need.
"""

import math

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from nnlab.engine.activations import get_activation
from nnlab.engine.models.dropout import Dropout, StochasticDepth, stochastic_depth_probability
from nnlab.engine.models.layers import hidden_gain, initialize_layer
from nnlab.engine.models.model_facts import ModelFacts
from nnlab.engine.models.norms import build_norm
from nnlab.engine.models.token_transformer import TokenPositions, TokenTransformer
from nnlab.engine.models.tokens import TokenEmbedding
from nnlab.engine.required_setting import required
from nnlab.errors import DataError
from nnlab.settings import RunConfig

# Ratio of the hidden units of a block's MLP to the width.
_MLP_RATIO = 4


class PatchSplitter(nn.Module):
    """Splits images into square patches and flat inputs into segments, padded with zeros."""

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
    """Adds a learned vector per position: [n, tokens, width] to the same shape."""

    def __init__(self, tokens: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(tokens, width))
        nn.init.normal_(self.weight, 0.0, 0.02, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Adds the embedding, broadcast over the batch."""
        return x + self.weight


class SelfAttention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, eq. 1)."""

    def __init__(self, config: RunConfig, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads = required(config.heads)
        self.into = initialize_layer(nn.Linear(width, 3 * width), config, generator, gain=1.0)
        self.out = initialize_layer(nn.Linear(width, width), config, generator, gain=1.0)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """[n, tokens, width] to the same shape; a mask [n, 1, tokens, tokens] hides tokens."""
        queries, keys, values = (
            torch.unflatten(part, 2, (self.heads, -1)).transpose(1, 2)
            for part in self.into(x).chunk(3, dim=2)
        )
        # The math kernel is deterministic and can be differentiated twice.
        with sdpa_kernel(SDPBackend.MATH):
            heads = nn.functional.scaled_dot_product_attention(
                queries, keys, values, attn_mask=mask
            )
        outputs: torch.Tensor = self.out(heads.transpose(1, 2).flatten(2))
        return outputs


class ResidualAdd(nn.Module):
    """x + branch(x)."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, tokens, width] to the same shape."""
        outputs: torch.Tensor = x + self.branch(x)
        return outputs


class TokenBlock(nn.Module):
    """A block for tokens with a mask: x + attention(norm(x)), then x + MLP(norm(x))."""

    def __init__(self, config: RunConfig, width: int, block: int, generator: torch.Generator):
        super().__init__()
        self.attention_norm = nn.Sequential(*build_norm(config, width, images=False))
        self.attention = SelfAttention(config, width, generator)
        self.attention_dropout = nn.Sequential(*_branch_dropout(config, 2 * block))
        self.mlp = ResidualAdd(
            nn.Sequential(
                *build_norm(config, width, images=False),
                *_build_mlp(config, width, generator),
                *_branch_dropout(config, 2 * block + 1),
            )
        )

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """[n, tokens, width] to the same shape; the mask is [n, 1, tokens, tokens]."""
        branch = self.attention(self.attention_norm(x), mask)
        outputs: torch.Tensor = self.mlp(x + self.attention_dropout(branch))
        return outputs


class TokenMeanPool(nn.Module):
    """The mean over tokens."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, tokens, width] to [n, width]."""
        return x.mean(dim=1)


def build(
    config: RunConfig,
    in_shape: tuple[int, ...],
    outputs: int,
    generator: torch.Generator,
    *,
    facts: ModelFacts,
) -> nn.Module:
    """`depth` blocks of self-attention and an MLP, for tokens of `width` numbers.

    Raises:
        DataError: there is an output for each position of examples that are not tokens.
    """
    width, depth = required(config.width), required(config.depth)
    if facts.vocab_size:
        return _build_for_tokens(config, in_shape, outputs, generator, facts)
    if facts.has_output_per_position:
        raise DataError(
            f"--model {config.model} needs tokens for an output per position; {config.data} has"
            f" examples of shape {list(in_shape)}",
            hint="--model lstm or gru",
        )
    patches = PatchSplitter(in_shape, required(config.patch))
    embed = initialize_layer(nn.Linear(patches.size, width), config, generator, gain=1.0)
    modules = [patches, embed, PositionEmbedding(patches.tokens, width, generator)]
    for block in range(depth):
        modules += _build_block(config, width, block, generator)
    modules += [*build_norm(config, width, images=False), TokenMeanPool()]
    modules.append(initialize_layer(nn.Linear(width, outputs), config, generator, gain=1.0))
    return nn.Sequential(*modules)


def _build_for_tokens(
    config: RunConfig,
    in_shape: tuple[int, ...],
    outputs: int,
    generator: torch.Generator,
    facts: ModelFacts,
) -> TokenTransformer:
    width = required(config.width)
    # Embeddings of sd 1 are as large as the outputs of the first block, whose weights keep the
    # variance; the sd of 0.02 of GPT-2 belongs to its smaller initial weights.
    return TokenTransformer(
        TokenEmbedding(facts.vocab_size, width, generator, sd=1.0),
        TokenPositions(in_shape[0], width, generator),
        [TokenBlock(config, width, block, generator) for block in range(required(config.depth))],
        build_norm(config, width, images=False),
        initialize_layer(nn.Linear(width, outputs), config, generator, gain=1.0),
        facts,
    )


def _build_block(
    config: RunConfig, width: int, block: int, generator: torch.Generator
) -> list[nn.Module]:
    """A block: self-attention and an MLP, each as a residual branch with pre-normalisation."""
    attention = [SelfAttention(config, width, generator)]
    mlp = _build_mlp(config, width, generator)
    return [
        ResidualAdd(
            nn.Sequential(
                *build_norm(config, width, images=False),
                *part,
                *_branch_dropout(config, branch_index),
            )
        )
        for part, branch_index in ((attention, 2 * block), (mlp, 2 * block + 1))
    ]


def _build_mlp(config: RunConfig, width: int, generator: torch.Generator) -> list[nn.Module]:
    """The MLP of a block, with four times as many hidden units as a token has numbers."""
    pieces = get_activation(config).pieces
    hidden = _MLP_RATIO * width
    return [
        initialize_layer(
            nn.Linear(width, hidden * pieces), config, generator, gain=hidden_gain(config)
        ),
        get_activation(config).build(),
        initialize_layer(nn.Linear(hidden, width), config, generator, gain=1.0),
    ]


def _branch_dropout(config: RunConfig, branch_index: int) -> list[nn.Module]:
    """The dropout layers at the end of a branch; each branch has its own stochastic depth."""
    modules: list[nn.Module] = []
    if config.dropout:
        modules.append(Dropout(config.dropout, branch_index))
    if config.stochastic_depth:
        probability = stochastic_depth_probability(
            config.stochastic_depth, branch_index, 2 * required(config.depth)
        )
        modules.append(StochasticDepth(probability, branch_index))
    return modules
