"""Layers for sequences of tokens: the embedding, and reductions that leave out the padding."""

import torch
from torch import nn


class TokenEmbedding(nn.Embedding):
    """A learned vector per token: [n, T] int64 to [n, T, width], initially normal of sd `sd`."""

    def __init__(
        self, vocab_size: int, width: int, generator: torch.Generator, *, sd: float
    ) -> None:
        weight = torch.empty(vocab_size, width)
        nn.init.normal_(weight, 0.0, sd, generator=generator)
        super().__init__(vocab_size, width, _weight=weight)


def real_tokens(tokens: torch.Tensor, pad_token: int | None) -> torch.Tensor:
    """Which tokens [n, T] are no padding, as booleans [n, T]."""
    return torch.ones_like(tokens, dtype=torch.bool) if pad_token is None else tokens != pad_token


def mean_over_tokens(values: torch.Tensor, is_real: torch.Tensor) -> torch.Tensor:
    """The mean over the tokens that are no padding; 0 for an example of padding only.

    Args:
        values: [n, T, width].
        is_real: [n, T].
    """
    weights = is_real.to(values.dtype)
    counts = weights.sum(dim=1, keepdim=True).clamp(min=1)
    return (values * weights[:, :, None]).sum(dim=1) / counts


def last_token(values: torch.Tensor, is_real: torch.Tensor) -> torch.Tensor:
    """The values [n, width] at the last token that is no padding, or at the first token.

    Args:
        values: [n, T, width].
        is_real: [n, T].
    """
    positions = torch.arange(is_real.shape[1], device=is_real.device)
    last = (positions * is_real).amax(dim=1)
    return values.gather(1, last[:, None, None].expand(-1, 1, values.shape[2])).squeeze(1)
