"""Parameter groups: which parameters decay, and which learn faster or slower than the rest."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from nnlab.config import RunConfig

ParamGroups = list[dict[str, Any]]


def build_param_groups(model: nn.Module, config: RunConfig) -> ParamGroups:
    """Every parameter in one group with others of its weight decay and lr factor.

    Weight decay goes to the weights (two or more dimensions); biases and the scales of
    normalisation layers keep their own size. Frozen parameters are there too, for they may be
    set free later; without a gradient no optimizer moves them.
    """
    factors = lr_factors(model, config)
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
    # Without factors these are two groups, weights and others: each group costs time a step.
    for bias in (False, True):
        for name, parameter in model.named_parameters():
            if (parameter.ndim < 2) is bias:
                groups.setdefault((bias, factors.get(name, 1.0)), []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": 0.0 if bias else config.weight_decay or 0.0,
            "lr_factor": factor,
        }
        for (bias, factor), parameters in groups.items()
    ]


def collect_gradients(parameters: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The gradients of those that have one."""
    return [p.grad for p in parameters if p.grad is not None]


def parameter_depths(model: nn.Module) -> Mapping[str, int]:
    """How many layers with weights lie below that of each parameter, by its name.

    The deepest are the head's. A normalisation is as deep as the layer that it follows; what is
    in no layer (a class token, an embedding of places) enters at the bottom.
    """
    from nnlab.engine.models import parameter_layer_names

    depths, depth = {}, -1
    for layer in parameter_layer_names(model):
        own = model.get_submodule(layer).parameters(recurse=False)
        # What the model holds itself, under no layer's name, is no layer.
        depth += layer != "" and any(parameter.ndim >= 2 for parameter in own)
        depths[layer] = max(depth, 0)
    return {
        name: depths.get(_containing_layer(name, depths), 0) for name, _ in model.named_parameters()
    }


def _containing_layer(name: str, layers: Iterable[str]) -> str:
    """The layer that a parameter is in: the innermost whose name its own begins with."""
    return max((layer for layer in layers if name.startswith(f"{layer}.")), key=len, default="")


def lr_factors(model: nn.Module, config: RunConfig) -> Mapping[str, float]:
    """How many times its learning rate each parameter has, by name; empty where all have one."""
    if config.head_lr_factor == 1.0 and config.depth_lr_factor == 1.0:
        return {}
    depths = parameter_depths(model)
    top = max(depths.values())
    return {
        name: (config.head_lr_factor if depth == top else 1.0)
        * config.depth_lr_factor ** (top - depth)
        for name, depth in depths.items()
    }
