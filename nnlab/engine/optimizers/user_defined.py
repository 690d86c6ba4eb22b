"""User-defined optimizers: `--opt file.py:NAME`, a class or function that returns one."""

import inspect
from collections.abc import Mapping

from torch import nn, optim

from nnlab.engine import user_code
from nnlab.engine.optimizers.param_groups import build_param_groups
from nnlab.engine.required_setting import required
from nnlab.engine.user_arguments import converted_arguments
from nnlab.engine.user_call import call_user_code
from nnlab.errors import UserCodeError
from nnlab.settings import RunConfig


def build(model: nn.Module, config: RunConfig) -> optim.Optimizer:
    """The optimizer that `--opt` names, for all parameters of a model.

    The user's class or function is called with the parameter groups, each with its
    `weight_decay`, with `lr` if its signature has it, and with the arguments of the setting.

    Raises:
        UserCodeError: it raises an error, returns no torch.optim.Optimizer, or returns one whose
            `step` requires arguments.
    """
    option = f"--opt {config.opt}"
    constructor = user_code.load_object(config.opt)
    if isinstance(constructor, optim.Optimizer) or not callable(constructor):
        raise UserCodeError(
            f"{option} is of type {type(constructor).__name__}; nnlab needs a class or function"
            " that builds a new optimizer for each run from (params, lr)"
        )
    arguments: Mapping[str, object] = {"lr": required(config.lr)}
    parameters = inspect.signature(constructor).parameters.values()
    accepts_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    if not accepts_all and not any(parameter.name == "lr" for parameter in parameters):
        arguments = {}
    arguments = {**arguments, **converted_arguments(config, "opt", constructor)}
    groups = build_param_groups(model, config)
    optimizer = call_user_code(option, lambda: constructor(groups, **arguments))
    if not isinstance(optimizer, optim.Optimizer):
        raise UserCodeError(
            f"{option} returns an object of type {type(optimizer).__name__},"
            " nnlab needs a torch.optim.Optimizer"
        )
    _check_step(option, optimizer)
    return optimizer


def _check_step(option: str, optimizer: optim.Optimizer) -> None:
    """Checks that `step()` needs no closure, because the gradients are computed before it."""
    for parameter in inspect.signature(optimizer.step).parameters.values():
        is_single_argument = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if is_single_argument and parameter.default is parameter.empty:
            raise UserCodeError(
                f"{option}: step() requires the argument '{parameter.name}';"
                " nnlab computes the gradients and calls step() without arguments"
            )
