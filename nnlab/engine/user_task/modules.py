"""The weights of a user task: all modules and parameters that are its attributes, as one module."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from nnlab.errors import UserCodeError


def collect_modules(task: Any, reference: str) -> nn.Module:
    """The module that contains everything with weights in a task.

    A task that is a module is returned itself. Otherwise the result has a child for each attribute
    that is a module, or a list, tuple or dict of modules, and a parameter for each `nn.Parameter`.

    Raises:
        UserCodeError: the task has no weights to train.
    """
    module = task if isinstance(task, nn.Module) else _collect_attributes(task)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise UserCodeError(
            f"--task {reference} has no parameters to train",
            hint="build its modules in __init__, as attributes of self",
        )
    return module


def _collect_attributes(task: Any) -> nn.Module:
    collected = nn.Module()
    for name, value in vars(task).items():
        if isinstance(value, nn.Parameter):
            collected.register_parameter(name, value)
        elif (child := _as_module(value)) is not None:
            collected.add_module(name, child)
    return collected


def _as_module(value: Any) -> nn.Module | None:
    """A module, or the modules of a list, tuple or dict as one; None for anything else."""
    if isinstance(value, nn.Module):
        return value
    is_container = isinstance(value, list | tuple | Mapping) and len(value) > 0
    parts = list(value.values() if isinstance(value, Mapping) else value) if is_container else []
    if not parts or not all(isinstance(part, nn.Module) for part in parts):
        return None
    if isinstance(value, Mapping):
        return nn.ModuleDict({str(key): part for key, part in value.items()})
    return nn.ModuleList(parts)
