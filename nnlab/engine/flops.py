"""How much a model computes: what decides how many threads a step is worth."""

import torch
from torch import nn

from nnlab.engine.hooks import eval_mode, record_outputs

_COUNTED_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)


@torch.no_grad()
def count_multiply_adds(model: nn.Module, examples: torch.Tensor) -> int:
    """Multiply-adds of the linear and convolutional layers in a forward pass of one example.

    Args:
        model: left as it was, in training mode or not.
        examples: [n, ...] on the model's device; the first is put through it.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, _COUNTED_LAYERS)]
    with record_outputs(layers) as found, eval_mode(model):
        model(examples[:1])
    return sum(_layer_multiply_adds(layer, outputs) for layer, outputs in found)


def _layer_multiply_adds(layer: nn.Module, outputs: torch.Tensor) -> int:
    """Each weight is used once at each place of the output."""
    weight = layer.weight
    assert isinstance(weight, torch.Tensor)
    channels_at = -1 if isinstance(layer, nn.Linear) else 1
    return weight.numel() * (outputs.numel() // outputs.shape[channels_at])
