"""A transformer for tokens: an encoder, or a language model with causal attention.

Embeddings, causal mask and pre-layer normalisation as in Radford et al. 2019 (GPT-2).
"""

import torch
from torch import nn

from nnlab.engine.models.model_facts import ModelFacts
from nnlab.engine.models.tokens import TokenEmbedding, mean_over_tokens, real_tokens
from nnlab.errors import DataError

# Standard deviation of the initial vectors of the positions (Radford et al. 2018, section 4.1).
POSITION_SD = 0.02


class TokenPositions(nn.Module):
    """Adds a learned vector per position to sequences of up to `length` tokens."""

    def __init__(self, length: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(length, width))
        nn.init.normal_(self.weight, 0.0, POSITION_SD, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, T, width] to the same shape.

        Raises:
            DataError: the sequences are longer than those that the model was built for.
        """
        if x.shape[1] > len(self.weight):
            raise DataError(
                f"a sequence of {x.shape[1]} tokens is longer than the {len(self.weight)} positions"
                " of the transformer"
            )
        return x + self.weight[: x.shape[1]]


class TokenTransformer(nn.Module):
    """Embedding, positions, blocks of attention and MLP, normalisation, and a linear layer.

    The blocks take the tokens [n, T, width] and a mask [n, 1, T, T], true where a position may
    attend to another. Padding is never attended to, so it does not change the other outputs.
    """

    def __init__(
        self,
        embedding: TokenEmbedding,
        positions: TokenPositions,
        blocks: list[nn.Module],
        norm: list[nn.Module],
        head: nn.Linear,
        facts: ModelFacts,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.positions = positions
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.Sequential(*norm)
        self.head = head
        self.pad_token = facts.pad_token
        self.is_causal = facts.is_causal
        self.has_output_per_position = facts.has_output_per_position

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens [n, T] to outputs [n, T, outputs] or, from the mean over tokens, [n, outputs]."""
        is_real = real_tokens(tokens, self.pad_token)
        x = self.positions(self.embedding(tokens))
        mask = attention_mask(is_real, is_causal=self.is_causal)
        for block in self.blocks:
            x = block(x, mask)
        x = self.norm(x)
        if not self.has_output_per_position:
            x = mean_over_tokens(x, is_real)
        outputs: torch.Tensor = self.head(x)
        return outputs


def attention_mask(is_real: torch.Tensor, *, is_causal: bool) -> torch.Tensor:
    """Where positions may attend to others: a mask [n, 1, T, T] of queries and keys.

    Args:
        is_real: which tokens [n, T] are no padding.
        is_causal: whether later tokens are hidden.
    """
    length = is_real.shape[1]
    mask = is_real[:, None, None, :].expand(-1, 1, length, length)
    if is_causal:
        mask = mask & torch.ones(length, length, dtype=torch.bool, device=is_real.device).tril()
    # Every position attends to itself: the softmax over no position is undefined.
    return mask | torch.eye(length, dtype=torch.bool, device=is_real.device)
