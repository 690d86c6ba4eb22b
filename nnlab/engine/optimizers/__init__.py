"""Optimizers by name: torch.optim's own where it has one, fused where the device has the kernel."""

from collections.abc import Callable, Mapping

import torch
from torch import nn, optim

from nnlab.config import RunConfig
from nnlab.engine.optimizers.closure_optimizer import (
    ClosureOptimizer,
    EvaluationCounts,
    LossClosure,
)
from nnlab.engine.optimizers.lbfgs import LBFGS
from nnlab.engine.optimizers.lion import Lion
from nnlab.engine.optimizers.muon import Muon, split_hidden_weights
from nnlab.engine.optimizers.newton_cg import NewtonCG
from nnlab.engine.optimizers.param_groups import build_param_groups

__all__ = [
    "OPTIMIZER_BUILDERS",
    "ClosureOptimizer",
    "EvaluationCounts",
    "LossClosure",
    "build",
    "gradient_norm",
    "set_lr",
]

OptimizerBuilder = Callable[[nn.Module, RunConfig], optim.Optimizer]


def _sgd(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    momentum = _required(config.momentum)
    optimizer = optim.SGD(
        build_param_groups(model, config),
        lr=_required(config.lr),
        momentum=momentum,
        nesterov=config.opt == "nesterov",
        fused=_has_fused_kernel(model) or None,
    )
    if momentum:
        # Torch's fused kernel fails where only some parameters have momentum yet, as when frozen
        # ones are set free or a block is skipped at the first step. Zeros mean the same.
        for parameter in model.parameters():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def _adagrad(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return optim.Adagrad(
        build_param_groups(model, config),
        lr=_required(config.lr),
        eps=_required(config.eps),
        fused=_has_fused_kernel(model, "cpu") or None,
    )


def _rmsprop(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return optim.RMSprop(
        build_param_groups(model, config),
        lr=_required(config.lr),
        alpha=_required(config.beta2),
        eps=_required(config.eps),
        momentum=_required(config.momentum),
    )


def _adadelta(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return optim.Adadelta(
        build_param_groups(model, config),
        lr=_required(config.lr),
        rho=_required(config.beta2),
        eps=_required(config.eps),
    )


def _adam(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return optim.Adam(
        build_param_groups(model, config),
        lr=_required(config.lr),
        betas=_betas(config),
        eps=_required(config.eps),
        amsgrad=config.opt == "amsgrad",
        fused=_has_fused_kernel(model) or None,
    )


def _adamw(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return optim.AdamW(
        build_param_groups(model, config),
        lr=_required(config.lr),
        betas=_betas(config),
        eps=_required(config.eps),
        fused=_has_fused_kernel(model) or None,
    )


def _nadam(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    groups = build_param_groups(model, config)
    return optim.NAdam(
        groups, lr=_required(config.lr), betas=_betas(config), eps=_required(config.eps)
    )


def _radam(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    groups = build_param_groups(model, config)
    return optim.RAdam(
        groups, lr=_required(config.lr), betas=_betas(config), eps=_required(config.eps)
    )


def _adamax(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    groups = build_param_groups(model, config)
    return optim.Adamax(
        groups, lr=_required(config.lr), betas=_betas(config), eps=_required(config.eps)
    )


def _lion(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return Lion(build_param_groups(model, config), lr=_required(config.lr), betas=_betas(config))


def _muon(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return Muon(
        split_hidden_weights(build_param_groups(model, config), model),
        lr=_required(config.lr),
        momentum=_required(config.momentum),
        betas=_betas(config),
        eps=_required(config.eps),
    )


def _lbfgs(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    assert config.memory is not None
    assert config.inner_steps is not None
    return LBFGS(list(model.parameters()), memory=config.memory, iterations=config.inner_steps)


def _newton_cg(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    assert config.inner_steps is not None
    return NewtonCG(
        list(model.parameters()), iterations=config.inner_steps, damping=_required(config.damping)
    )


OPTIMIZER_BUILDERS: Mapping[str, OptimizerBuilder] = {
    "sgd": _sgd,
    "momentum": _sgd,
    "nesterov": _sgd,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adadelta": _adadelta,
    "adam": _adam,
    "adamw": _adamw,
    "amsgrad": _adam,
    "nadam": _nadam,
    "radam": _radam,
    "adamax": _adamax,
    "lion": _lion,
    "muon": _muon,
    "lbfgs": _lbfgs,
    "newton-cg": _newton_cg,
}


def build(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    """The optimizer of a resolved config over all parameters of a model, the frozen ones too."""
    return OPTIMIZER_BUILDERS[config.opt](model, config)


def set_lr(optimizer: optim.Optimizer, lr: float) -> None:
    """Sets the learning rate of every parameter group: lr times the group's own factor."""
    if isinstance(optimizer, ClosureOptimizer):
        return
    for group in optimizer.param_groups:
        # A checkpoint of an earlier release has groups without a factor.
        group["lr"] = lr * group.get("lr_factor", 1.0)


def optimizer_state_bytes(optimizer: optim.Optimizer) -> int:
    """Bytes that an optimizer keeps from one step to the next: moments, pairs, directions."""
    return sum(map(_tensor_bytes, optimizer.state.values()))


def _tensor_bytes(value: object) -> int:
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(map(_tensor_bytes, value.values()))
    return sum(map(_tensor_bytes, value)) if isinstance(value, list | tuple) else 0


def gradient_norm(model: nn.Module) -> torch.Tensor:
    """The 2-norm of all gradients as one vector, a scalar tensor on the model's device."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    # Of weights that are spread over devices each process has a part.
    whole: torch.Tensor = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
    return whole


def _has_fused_kernel(model: nn.Module, *devices: str) -> bool:
    """Whether torch has the update as one kernel where all parameters are."""
    allowed = devices or ("cpu", "cuda")
    return all(parameter.device.type in allowed for parameter in model.parameters())


def _required(value: float | None) -> float:
    """A number that the row of this optimizer names, so that a resolved config has it."""
    assert value is not None
    return value


def _betas(config: RunConfig) -> tuple[float, float]:
    return _required(config.beta1), _required(config.beta2)
