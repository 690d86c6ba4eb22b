"""Optimizers by name: those of torch.optim where available, fused where the device supports it."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import nn, optim

from nnlab.catalogue import USER_CODE, find_builtin, is_user_code
from nnlab.engine import dynamo_bypass
from nnlab.engine.optimizers import user_defined
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
from nnlab.engine.plugin_calls import call_plugin, find_required
from nnlab.engine.plugin_types import OptimizerPlugin
from nnlab.engine.required_setting import required
from nnlab.engine.user_call import call_user_code
from nnlab.settings import RunConfig

__all__ = [
    "OPTIMIZER_BUILDERS",
    "ClosureOptimizer",
    "EvaluationCounts",
    "LossClosure",
    "build",
    "call_optimizer",
    "gradient_norm",
    "set_lr",
]

OptimizerBuilder = Callable[[nn.Module, RunConfig], optim.Optimizer]


def _sgd(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    momentum = required(config.momentum)
    optimizer = optim.SGD(
        build_param_groups(model, config),
        lr=required(config.lr),
        momentum=momentum,
        nesterov=config.opt == "nesterov",
        fused=_has_fused_kernel(model) or None,
    )
    if momentum:
        # Torch's fused kernel fails if only some parameters have a momentum buffer, for example
        # when frozen parameters are unfrozen or a block is skipped in the first step. Zeros are
        # equivalent.
        for parameter in model.parameters():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def _adagrad(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return optim.Adagrad(
        build_param_groups(model, config),
        lr=required(config.lr),
        eps=required(config.eps),
        fused=_has_fused_kernel(model, "cpu") or None,
    )


def _rmsprop(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return optim.RMSprop(
        build_param_groups(model, config),
        lr=required(config.lr),
        alpha=required(config.beta2),
        eps=required(config.eps),
        momentum=required(config.momentum),
    )


def _adadelta(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return optim.Adadelta(
        build_param_groups(model, config),
        lr=required(config.lr),
        rho=required(config.beta2),
        eps=required(config.eps),
    )


def _adam(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return optim.Adam(
        build_param_groups(model, config),
        lr=required(config.lr),
        betas=_betas(config),
        eps=required(config.eps),
        amsgrad=config.opt == "amsgrad",
        fused=_has_fused_kernel(model) or None,
    )


def _adamw(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return optim.AdamW(
        build_param_groups(model, config),
        lr=required(config.lr),
        betas=_betas(config),
        eps=required(config.eps),
        fused=_has_fused_kernel(model) or None,
    )


def _nadam(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    groups = build_param_groups(model, config)
    return optim.NAdam(
        groups, lr=required(config.lr), betas=_betas(config), eps=required(config.eps)
    )


def _radam(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    groups = build_param_groups(model, config)
    return optim.RAdam(
        groups, lr=required(config.lr), betas=_betas(config), eps=required(config.eps)
    )


def _adamax(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    groups = build_param_groups(model, config)
    return optim.Adamax(
        groups, lr=required(config.lr), betas=_betas(config), eps=required(config.eps)
    )


def _lion(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return Lion(build_param_groups(model, config), lr=required(config.lr), betas=_betas(config))


def _muon(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return Muon(
        split_hidden_weights(build_param_groups(model, config), model),
        lr=required(config.lr),
        momentum=required(config.momentum),
        betas=_betas(config),
        eps=required(config.eps),
    )


def _lbfgs(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return LBFGS(
        list(model.parameters()),
        memory=required(config.memory),
        iterations=required(config.inner_steps),
    )


def _newton_cg(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    return NewtonCG(
        list(model.parameters()),
        iterations=required(config.inner_steps),
        damping=required(config.damping),
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
    USER_CODE: user_defined.build,
}


def build(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    """The optimizer of a resolved config for all parameters of a model, including frozen ones.

    Raises:
        PluginError: the plugin of the optimizer cannot be used, or fails.
        UserCodeError: the user-defined optimizer cannot be used.
    """
    row = find_builtin("opt", config.opt)
    if row is not None:
        return OPTIMIZER_BUILDERS[row.name](model, config)
    plugin = find_required("opt", config.opt, OptimizerPlugin)
    build_plugin = plugin.choice.build
    return call_plugin(plugin, optim.Optimizer, lambda: build_plugin(model, config))


def step_function(config: RunConfig, optimizer: optim.Optimizer) -> Callable[[], None]:
    """The step of the optimizer of a config, without the wrapper of torch.compile.

    Errors of optimizers of users and plugins are those of `call_optimizer`; a built-in optimizer
    is called directly, because this is done in every step.
    """
    step = dynamo_bypass.unwrapped_step(optimizer)
    is_builtin = find_builtin("opt", config.opt) is not None
    if is_builtin and not is_user_code("opt", config.opt):
        return step
    return partial(call_optimizer, config, step)


def call_optimizer(config: RunConfig, step: Callable[[], object]) -> None:
    """Calls a step of the optimizer of a config.

    Raises:
        UserCodeError: the user's optimizer raises an error; the message has its file and line.
        PluginError: the plugin of the optimizer raises an error.
    """
    row = find_builtin("opt", config.opt)
    if row is None:
        call_plugin(find_required("opt", config.opt, OptimizerPlugin), object, step)
    elif row.name == USER_CODE:
        call_user_code(f"--opt {config.opt}", step)
    else:
        step()


def set_lr(optimizer: optim.Optimizer, lr: float) -> None:
    """Sets the learning rate of every parameter group to `lr` times the group's own factor."""
    if isinstance(optimizer, ClosureOptimizer):
        return
    for group in optimizer.param_groups:
        # Checkpoints of earlier releases have groups without a factor.
        group["lr"] = lr * group.get("lr_factor", 1.0)


def optimizer_state_bytes(optimizer: optim.Optimizer) -> int:
    """The size of an optimizer's state in bytes: moments, past pairs, directions."""
    return sum(map(_tensor_bytes, optimizer.state.values()))


def _tensor_bytes(value: object) -> int:
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(map(_tensor_bytes, value.values()))
    return sum(map(_tensor_bytes, value)) if isinstance(value, list | tuple) else 0


def gradient_norm(model: nn.Module) -> torch.Tensor:
    """The 2-norm of all gradients as one vector: a scalar tensor on the model's device."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    # With sharded weights each process holds a part of the norm.
    full_norm: torch.Tensor = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
    return full_norm


def _has_fused_kernel(model: nn.Module, *devices: str) -> bool:
    """Whether all parameters are on devices for which torch has a fused kernel."""
    allowed = devices or ("cpu", "cuda")
    return all(parameter.device.type in allowed for parameter in model.parameters())


def _betas(config: RunConfig) -> tuple[float, float]:
    return required(config.beta1), required(config.beta2)
