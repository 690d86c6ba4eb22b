"""How much a model computes: what decides how many threads a step is worth."""

import torch
from torch import nn

_COUNTED = (nn.Linear, nn.Conv1d, nn.Conv2d)


@torch.no_grad()
def multiply_adds(model: nn.Module, examples: torch.Tensor) -> int:
    """Multiply-adds of the linear and convolutional layers in a forward pass of one example.

    Args:
        model: left as it was, in training mode or not.
        examples: [n, ...] on the model's device; the first is put through it.
    """
    total = 0

    def count(layer: nn.Module, _: object, outputs: torch.Tensor) -> None:
        nonlocal total
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        channels_at = -1 if isinstance(layer, nn.Linear) else 1
        total += weight.numel() * (outputs.numel() // outputs.shape[channels_at])

    layers = [layer for layer in model.modules() if isinstance(layer, _COUNTED)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    was_training = model.training
    try:
        model.eval()(examples[:1])
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return total
