"""Builds the object of a user task with the arguments that its constructor names."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from nnlab.engine.seeds import derive_seed
from nnlab.engine.signatures import PASSED_TO_MODELS, signature_of
from nnlab.engine.user_call import call_user_code
from nnlab.errors import ConfigError, UserCodeError
from nnlab.settings import RunConfig
from nnlab.settings.arguments import arguments_for, declared_parameter
from nnlab.settings.user_task import PASSED_SETTINGS


def construct_task(
    config: RunConfig,
    task_class: type[Any],
    data_facts: Mapping[str, object],
    model: nn.Module | None,
) -> Any:
    """An object of the user's class; its weights depend on the seed of the run only.

    Args:
        config: resolved.
        task_class: the class, or a subclass of it.
        data_facts: facts about the data by name, such as `num_classes`; empty without data.
        model: the module of `--model`; None if the constructor does not have the parameter.

    Raises:
        UserCodeError: a parameter has no value or the wrong type, or the constructor fails.
    """
    reference = config.task or ""
    settings = {name: getattr(config, name) for name in PASSED_SETTINGS}
    available: dict[str, object] = dict(data_facts)
    available |= {name: value for name, value in settings.items() if value is not None}
    if model is not None:
        available["model"] = model
    parameters = inspect.signature(task_class).parameters
    arguments = _own_arguments(config, task_class)
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and name not in available
        and name not in arguments
    ]
    if missing:
        raise UserCodeError(
            f"--task {reference} requires the arguments {', '.join(missing)};"
            f" nnlab passes {', '.join(available)} by name",
            hint=f"--task.{missing[0]} VALUE sets one, or give it a default value",
        )
    passed = {name: value for name, value in available.items() if name in parameters}
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(config.seed, "weights"))
        return call_user_code(f"--task {reference}", lambda: task_class(**{**passed, **arguments}))


def _own_arguments(config: RunConfig, task_class: type[Any]) -> Mapping[str, object]:
    """The values of `--task.NAME`, with the types of the signature."""
    values = arguments_for(config.arguments, "task")
    reference = config.task or ""
    passed = PASSED_TO_MODELS | frozenset(("model", *PASSED_SETTINGS))
    signature = signature_of(reference, task_class, passed)
    if signature is None:
        return values
    converted: dict[str, object] = {}
    for name, value in values.items():
        try:
            parameter = declared_parameter(f"task.{name}", {reference: signature})
            converted[name] = value if parameter is None else parameter.type.convert(value)
        except ConfigError as error:
            raise UserCodeError(error.message) from None
        except ValueError as error:
            raise UserCodeError(f"--task.{name} does not fit --task {reference}: {error}") from None
    return converted
