"""Parameter groups: weight decay and learning rate factor of each parameter."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from nnlab.engine.models.structure import parameter_layer_names
from nnlab.settings import RunConfig

ParamGroups = list[dict[str, Any]]


def build_param_groups(model: nn.Module, config: RunConfig) -> ParamGroups:
    """One parameter group per combination of weight decay and lr factor.

    Weight decay applies to weights (two or more dimensions), not to biases and the scales of
    normalisation layers. Frozen parameters are included, since they may be unfrozen later;
    optimizers skip parameters without a gradient.
    """
    factors = lr_factors(model, config)
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
    # Without factors there are two groups, weights and others; each group costs time per step.
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
    """The gradients of the parameters that have one."""
    return [p.grad for p in parameters if p.grad is not None]


def parameter_depths(model: nn.Module) -> Mapping[str, int]:
    """For each parameter, by name, the number of layers with weights below its layer.

    The head has the largest depth. A normalisation layer has the depth of the layer before it.
    Parameters outside of layers (a class token, a position embedding) have depth 0.
    """
    depths, depth = {}, -1
    for layer in parameter_layer_names(model):
        own = model.get_submodule(layer).parameters(recurse=False)
        # Parameters that the model itself registers do not form a layer.
        depth += layer != "" and any(parameter.ndim >= 2 for parameter in own)
        depths[layer] = max(depth, 0)
    return {
        name: depths.get(_containing_layer(name, depths), 0) for name, _ in model.named_parameters()
    }


def _containing_layer(name: str, layers: Iterable[str]) -> str:
    """The innermost layer that contains a parameter: the longest name that is a prefix."""
    return max((layer for layer in layers if name.startswith(f"{layer}.")), key=len, default="")


def lr_factors(model: nn.Module, config: RunConfig) -> Mapping[str, float]:
    """The lr factor of each parameter, by name; empty if all factors are 1."""
    if config.head_lr_factor == 1.0 and config.depth_lr_factor == 1.0:
        return {}
    depths = parameter_depths(model)
    top = max(depths.values())
    return {
        name: (config.head_lr_factor if depth == top else 1.0)
        * config.depth_lr_factor ** (top - depth)
        for name, depth in depths.items()
    }
