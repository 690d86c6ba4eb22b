"""Layer-sequential unit variance: an initialisation that looks at data."""

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine.hooks import eval_mode

# Mishkin and Matas 2016, algorithm 1: at most so many rounds for a layer, until so close to 1.
_MAX_ROUNDS = 10
_TOLERANCE = 0.01


def lsuv_(model: nn.Module, config: RunConfig, examples: torch.Tensor) -> None:
    """Called once before training; does something for `--init lsuv` only.

    Scales the weights of each linear and convolutional layer in turn until its outputs on the
    examples have sd `init_scale`. Noise is off meanwhile, and normalisations pass on what their
    running statistics, as yet 0 and 1, make of it.

    Args:
        model: on its device; its weights are changed in place.
        config: resolved.
        examples: [n, ...] of the training split, prepared as for training.
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
    spread: list[float] = []
    hook = layer.register_forward_hook(lambda _, __, out: spread.append(out.std().item()))
    try:
        for _ in range(_MAX_ROUNDS):
            model(examples)
            if spread[-1] == 0.0 or abs(spread[-1] - target) <= _TOLERANCE * target:
                return
            layer.weight.mul_(target / spread[-1])
    finally:
        hook.remove()
