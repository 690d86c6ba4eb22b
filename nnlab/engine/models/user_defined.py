"""A user's own model: `--model file.py:Class` or `--model package.module:function`."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, cast
from weakref import WeakSet

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine import memory, user_code
from nnlab.engine.error_description import describe_error
from nnlab.errors import UserCodeError

# Models whose noise may come from torch's global generator.
_USER_MODELS: "WeakSet[nn.Module]" = WeakSet()


def is_user_defined(model: nn.Module) -> bool:
    """Whether a user's code made the model."""
    return model in _USER_MODELS


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, draw: torch.Generator
) -> nn.Module:
    """Calls what the user named with those facts that its signature asks for, and tries it.

    Its weights are drawn as it likes from torch's global generator, which follows from the run's
    seed here and is left as it was.

    Raises:
        UserCodeError: it fails, with the user's file and line; or gives no model that fits.
    """
    make = user_code.load_object(config.model)
    if isinstance(make, nn.Module) or not callable(make):
        raise UserCodeError(
            f"--model {config.model} is of type {type(make).__name__};"
            " a class or function that makes the model anew for each seed is needed"
        )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(draw.initial_seed())
        model = _construct_model(config, make, in_shape, outputs)
        _check_output_shape(config, model, in_shape, outputs)
    _USER_MODELS.add(model)
    return model


def _construct_model(
    config: RunConfig, make: Callable[..., Any], in_shape: tuple[int, ...], outputs: int
) -> nn.Module:
    arguments = _matching_arguments(config, make, in_shape, outputs)
    model = _call_user_code(config, lambda: make(**arguments))
    if not isinstance(model, nn.Module):
        raise UserCodeError(
            f"--model {config.model} gives an object of type {type(model).__name__},"
            " nnlab needs a torch.nn.Module"
        )
    return model


def _matching_arguments(
    config: RunConfig, make: Callable[..., Any], in_shape: tuple[int, ...], outputs: int
) -> Mapping[str, object]:
    """Those of what nnlab knows that the signature names."""
    known: dict[str, object] = {
        "in_shape": in_shape,
        "in_features": math.prod(in_shape),
        "in_channels": in_shape[0],
        "outputs": outputs,
        "num_classes": outputs,
    }
    if len(in_shape) != 3:
        del known["in_channels"]
    parameters = inspect.signature(make).parameters
    open_ones = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and (name not in known or parameter.kind is parameter.POSITIONAL_ONLY)
    ]
    if open_ones:
        raise UserCodeError(
            f"--model {config.model} asks for {', '.join(open_ones)};"
            f" with {config.data} nnlab gives {', '.join(known)} by name",
            hint="give the other parameters defaults",
        )
    return {name: value for name, value in known.items() if name in parameters}


def _check_output_shape(
    config: RunConfig, model: nn.Module, in_shape: tuple[int, ...], outputs: int
) -> None:
    """Puts two examples of zeros through the model and checks what comes out."""
    model.eval()
    with torch.no_grad():
        got = _call_user_code(config, lambda: model(torch.zeros(2, *in_shape)))
    model.train()
    if not isinstance(got, torch.Tensor) or got.shape != (2, outputs):
        gives = (
            list(got.shape)
            if isinstance(got, torch.Tensor)
            else f"an object of type {type(got).__name__}"
        )
        one = "one output a class" if outputs > 1 else "one output an example"
        raise UserCodeError(
            f"--model {config.model} gives {gives} for examples {[2, *in_shape]},"
            f" nnlab needs {[2, outputs]}: {one}"
        )
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UserCodeError(f"--model {config.model} has no parameters to train")


def _call_user_code(config: RunConfig, call: Callable[[], Any]) -> object:
    try:
        return cast("object", call())
    except Exception as error:
        if memory.is_out_of_memory(error):
            raise
        raise UserCodeError(f"--model {config.model} fails: {describe_error(error)}") from error
