"""Layer-sequential unit variance (LSUV): a data-dependent initialisation."""

import torch
from torch import nn

from nnlab.engine.hooks import eval_mode
from nnlab.settings import RunConfig

# Mishkin and Matas 2016, algorithm 1: maximum number of rounds per layer, and relative tolerance.
_MAX_ROUNDS = 10
_TOLERANCE = 0.01


def lsuv_(model: nn.Module, config: RunConfig, examples: torch.Tensor) -> None:
    """Initialises a model with `--init lsuv`; does nothing for other initialisations.

    Scales the weights of each linear and convolutional layer in turn until its outputs for the
    examples have standard deviation `init_scale`. The model is in evaluation mode meanwhile:
    without noise, and with the initial running statistics 0 and 1 of batch normalisation.

    Args:
        model: on its device; its weights are changed in place.
        config: resolved.
        examples: [n, ...] of the training split, preprocessed as for training.
    """
    if config.init != "lsuv":
        return
    target = 1.0 if config.init_scale is None else config.init_scale
    with eval_mode(model):
        for layer in model.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                _scale_layer_(model, layer, target, examples)


@torch.no_grad()
def _scale_layer_(
    model: nn.Module, layer: nn.Linear | nn.Conv2d, target: float, examples: torch.Tensor
) -> None:
    """Scales a layer's weights until its outputs have the target standard deviation."""
    deviations: list[float] = []
    hook = layer.register_forward_hook(lambda _, __, out: deviations.append(out.std().item()))
    try:
        for _ in range(_MAX_ROUNDS):
            model(examples)
            if deviations[-1] == 0.0 or abs(deviations[-1] - target) <= _TOLERANCE * target:
                return
            layer.weight.mul_(target / deviations[-1])
    finally:
        hook.remove()
