"""Optimizers by name: torch.optim's own, fused where the device has a fused kernel."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn, optim

from nnlab.config import RunConfig

ParamGroups = list[dict[str, Any]]
Build = Callable[[ParamGroups, RunConfig, bool], optim.Optimizer]


def _adam(groups: ParamGroups, config: RunConfig, fused: bool) -> optim.Optimizer:
    return optim.Adam(groups, lr=_lr(config), betas=_betas(config), fused=fused or None)


def _adamw(groups: ParamGroups, config: RunConfig, fused: bool) -> optim.Optimizer:
    return optim.AdamW(groups, lr=_lr(config), betas=_betas(config), fused=fused or None)


def _sgd(groups: ParamGroups, config: RunConfig, fused: bool) -> optim.Optimizer:
    return optim.SGD(groups, lr=_lr(config), momentum=config.momentum or 0.0, fused=fused or None)


def _nesterov(groups: ParamGroups, config: RunConfig, fused: bool) -> optim.Optimizer:
    return optim.SGD(
        groups,
        lr=_lr(config),
        momentum=config.momentum or 0.0,
        nesterov=True,
        fused=fused or None,
    )


def _rmsprop(groups: ParamGroups, config: RunConfig, fused: bool) -> optim.Optimizer:
    del fused  # torch has no fused RMSprop
    return optim.RMSprop(
        groups, lr=_lr(config), alpha=config.beta2 or 0.0, momentum=config.momentum or 0.0
    )


def _adagrad(groups: ParamGroups, config: RunConfig, fused: bool) -> optim.Optimizer:
    # torch's fused Adagrad runs on the CPU only.
    on_cpu = all(p.device.type == "cpu" for group in groups for p in group["params"])
    return optim.Adagrad(groups, lr=_lr(config), fused=(fused and on_cpu) or None)


BUILD: Mapping[str, Build] = {
    "adam": _adam,
    "adamw": _adamw,
    "sgd": _sgd,
    "nesterov": _nesterov,
    "rmsprop": _rmsprop,
    "adagrad": _adagrad,
}


def build(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    """The optimizer of a resolved config over a model's parameters.

    Weight decay goes to the weights (two or more dimensions); biases and the scales of
    normalisation layers keep their own size.
    """
    parameters = list(model.parameters())
    weights = [p for p in parameters if p.ndim >= 2]
    others = [p for p in parameters if p.ndim < 2]
    groups = [
        {"params": weights, "weight_decay": config.weight_decay or 0.0},
        {"params": others, "weight_decay": 0.0},
    ]
    fused = all(p.device.type in ("cpu", "cuda") for p in parameters)
    return BUILD[config.opt]([group for group in groups if group["params"]], config, fused)


def set_lr(optimizer: optim.Optimizer, lr: float) -> None:
    """Sets the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def gradient_norm(model: nn.Module) -> torch.Tensor:
    """The 2-norm of all gradients as one vector, a scalar tensor on the model's device."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return nn.utils.get_total_norm(gradients)


def _lr(config: RunConfig) -> float:
    assert config.lr is not None
    return config.lr


def _betas(config: RunConfig) -> tuple[float, float]:
    assert config.beta1 is not None
    assert config.beta2 is not None
    return config.beta1, config.beta2
