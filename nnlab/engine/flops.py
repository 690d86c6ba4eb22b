"""Counts the multiply-adds of a model, from which the number of threads is chosen."""

import torch
from torch import nn

from nnlab.engine.hooks import eval_mode, record_outputs

_CountedLayer = nn.Linear | nn.Conv1d | nn.Conv2d


@torch.no_grad()
def count_multiply_adds(model: nn.Module, examples: torch.Tensor) -> int:
    """Multiply-adds of the linear and convolutional layers in the forward pass of one example.

    Args:
        model: its training or evaluation mode is restored.
        examples: [n, ...] on the model's device; only the first is used.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, _CountedLayer)]
    with record_outputs(layers) as calls, eval_mode(model):
        model(examples[:1])
    return sum(
        _layer_multiply_adds(layer, outputs)
        for layer, outputs in calls
        if isinstance(layer, _CountedLayer)
    )


def _layer_multiply_adds(layer: _CountedLayer, outputs: torch.Tensor) -> int:
    """Each weight is used once per position of the output."""
    channel_dim = -1 if isinstance(layer, nn.Linear) else 1
    return layer.weight.numel() * (outputs.numel() // outputs.shape[channel_dim])
