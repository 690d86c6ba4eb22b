"""`--model wide-and-deep`: a linear layer beside a hidden layer, for tables."""

import math

import torch
from torch import nn

from nnlab.plugins import ModelPlugin, RunConfig


class WideAndDeep(nn.Module):
    """Cheng et al. 2016, without embeddings."""

    def __init__(self, inputs: int, hidden: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.wide = nn.Linear(inputs, outputs)
        self.deep = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(1)
        return self.wide(x) + self.deep(x)


def build(config: RunConfig, in_shape: tuple[int, ...], outputs: int) -> nn.Module:
    return WideAndDeep(math.prod(in_shape), config.width, outputs, config.dropout)


WIDE_AND_DEEP = ModelPlugin(
    name="wide-and-deep",
    summary="a linear layer beside a hidden layer of width units",
    source="Cheng et al. 2016",
    defaults={"width": 16, "dropout": 0.1},
    build=build,
)
