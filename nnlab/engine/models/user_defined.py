"""Models of users (`--model file.py:Class`, `--model package.module:function`) and of plugins."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakSet

import torch
from torch import nn

from nnlab.engine import user_code
from nnlab.engine.error_description import forward_location, location_suffix
from nnlab.engine.models.call import as_float32, batch_length, call_model
from nnlab.engine.models.model_facts import ModelFacts
from nnlab.engine.models.output_selection import describe_output, select_output
from nnlab.engine.plugin_calls import call_plugin, find_required
from nnlab.engine.plugin_types import ModelPlugin
from nnlab.engine.signatures import PASSED_TO_MODELS
from nnlab.engine.user_arguments import converted_arguments
from nnlab.engine.user_call import call_user_code
from nnlab.errors import UserCodeError
from nnlab.settings import RunConfig
from nnlab.settings.arguments import arguments_for

# Models whose noise may come from torch's global generator.
_USER_MODELS: "WeakSet[nn.Module]" = WeakSet()


def is_user_defined(model: nn.Module) -> bool:
    """Whether the model was built by the user's code or a plugin."""
    return model in _USER_MODELS


def mark_user_defined(model: nn.Module) -> None:
    """Declares that a model contains one of the user: its noise may come from torch's generator."""
    _USER_MODELS.add(model)


def build(
    config: RunConfig,
    in_shape: tuple[int, ...] | None,
    outputs: int,
    generator: torch.Generator,
    *,
    facts: ModelFacts | None = None,
    example: Any = None,
) -> nn.Module:
    """Calls the user's class or function with the arguments in its signature, and checks the model.

    Its weights come from torch's global generator, which is seeded here from the run's seed and
    restored afterwards.

    Raises:
        UserCodeError: it raises an error (the message has the user's file and line), or the result
            is not a model that fits the data.
    """
    constructor = user_code.load_object(config.model)
    if isinstance(constructor, nn.Module) or not callable(constructor):
        raise UserCodeError(
            f"--model {config.model} is of type {type(constructor).__name__};"
            " nnlab needs a class or function that builds a new model for each seed"
        )
    return adopt_model(
        config,
        lambda: call_user_code(
            f"--model {config.model}",
            lambda: constructor(
                **_matching_arguments(config, constructor, in_shape, outputs, facts)
            ),
        ),
        in_shape,
        outputs,
        generator,
        facts=facts,
        example=example,
    )


def adopt_model(
    config: RunConfig,
    construct: Callable[[], object],
    in_shape: tuple[int, ...] | None,
    outputs: int,
    generator: torch.Generator,
    *,
    facts: ModelFacts | None = None,
    example: Any = None,
) -> nn.Module:
    """The model that a user's code or a package constructs, checked and with its output selected.

    Args:
        config: the config of the run.
        construct: constructs the model; its weights come from torch's global generator.
        in_shape: shape of one example; None if the inputs are several tensors.
        outputs: number of classes, targets, tags or tokens; 0 if any outputs are accepted.
        generator: the generator whose seed the weights depend on.
        facts: the shape of an output if it is not (outputs,), and whether examples are tokens.
        example: the inputs of a batch to check the model with; by default zeros of `in_shape`.

    Raises:
        UserCodeError: it is not a model that fits the data.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(generator.initial_seed())
        model = construct()
        if not isinstance(model, nn.Module):
            raise UserCodeError(
                f"--model {config.model} returns an object of type {type(model).__name__},"
                " nnlab needs a torch.nn.Module"
            )
        select_output(model, config)
        facts = facts or ModelFacts((outputs,))
        inputs = facts.zeros(2, in_shape or ()) if example is None else example
        _check_output_shape(config, model, inputs, facts.output_shape if outputs else None)
    _USER_MODELS.add(model)
    return model


def build_plugin(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, generator: torch.Generator
) -> nn.Module:
    """The model of a plugin, with weights from the run's seed as in `build`, and checked.

    Raises:
        PluginError: the plugin cannot be used or fails.
        UserCodeError: the model does not fit the data.
    """
    plugin = find_required("model", config.model, ModelPlugin)
    construct = plugin.choice.build
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(generator.initial_seed())
        model = call_plugin(plugin, nn.Module, lambda: construct(config, in_shape, outputs))
        _check_output_shape(config, model, torch.zeros(2, *in_shape), (outputs,))
    _USER_MODELS.add(model)
    return model


def available_arguments(
    in_shape: tuple[int, ...] | None, outputs: int, facts: ModelFacts | None = None
) -> dict[str, object]:
    """The facts about the data that nnlab passes to signatures with these names."""
    if in_shape is None:
        return {"outputs": outputs, "num_classes": outputs}
    available: dict[str, object] = {
        "in_shape": in_shape,
        "in_features": math.prod(in_shape),
        "in_channels": in_shape[0],
        "outputs": outputs,
        "num_classes": outputs,
        "out_shape": (outputs,) if facts is None else facts.output_shape,
    }
    if len(in_shape) != 3:
        del available["in_channels"]
    if facts is not None and facts.vocab_size:
        available |= {"vocab_size": facts.vocab_size, "sequence_length": in_shape[0]}
    return available


def _matching_arguments(
    config: RunConfig,
    constructor: Callable[..., Any],
    in_shape: tuple[int, ...] | None,
    outputs: int,
    facts: ModelFacts | None,
) -> Mapping[str, object]:
    """The arguments: those of the setting, and the facts about the data that the signature names.

    Raises:
        UserCodeError: a parameter has no value, or the signature does not have an argument.
    """
    available = available_arguments(in_shape, outputs, facts)
    parameters = inspect.signature(constructor).parameters
    arguments = converted_arguments(config, "model", constructor)
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and (
            not (name in available or name in arguments)
            or parameter.kind is parameter.POSITIONAL_ONLY
        )
    ]
    if missing:
        raise UserCodeError(
            f"--model {config.model} requires the arguments {', '.join(missing)};"
            f" with {config.data} nnlab passes {', '.join(available)} by name",
            hint=f"--model.{missing[0]} VALUE sets one, or give it a default value",
        )
    accepts_all = _accepts_only_keywords(constructor, parameters)
    passed = {name: value for name, value in available.items() if accepts_all or name in parameters}
    return {**passed, **arguments}


def _accepts_only_keywords(
    constructor: Callable[..., Any], parameters: Mapping[str, inspect.Parameter]
) -> bool:
    """Whether a signature is `**kwargs` alone, so that it names none of the facts about the data.

    A signature that names parameters beside `**kwargs` gets only those: it may pass the others on
    to code that refuses unknown names.
    """
    # The constructor of Module has this signature too, but refuses all arguments.
    if getattr(constructor, "__init__", None) is nn.Module.__init__:
        return False
    kinds = {parameter.kind for parameter in parameters.values()}
    return inspect.Parameter.VAR_KEYWORD in kinds and kinds <= {
        inspect.Parameter.VAR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    }


def _check_output_shape(
    config: RunConfig, model: nn.Module, inputs: Any, output_shape: tuple[int, ...] | None
) -> None:
    """Calls the model with a small batch and checks the shape of the outputs, if it is known."""
    model.eval()
    with torch.no_grad():
        predictions = call_user_code(
            f"--model {config.model}", lambda: call_model(model, as_float32(inputs))
        )
    model.train()
    if output_shape is None:
        pass
    elif not isinstance(predictions, torch.Tensor) or predictions.shape != (
        batch_length(inputs),
        *output_shape,
    ):
        returned = describe_output(predictions)
        location = forward_location(model)
        raise UserCodeError(
            f"--model {config.model} returns {returned} for examples {describe_output(inputs)},"
            f" nnlab needs {[batch_length(inputs), *output_shape]}: {_describe_shape(output_shape)}"
            + ("" if location is None else f" - {location}")
            + _overridden_facts(config)
        )
    if isinstance(predictions, torch.Tensor) and not predictions.is_floating_point():
        dtype = str(predictions.dtype).removeprefix("torch.")
        raise UserCodeError(
            f"--model {config.model} returns outputs of type {dtype}, nnlab needs real"
            " floating-point numbers" + location_suffix(model)
        )
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UserCodeError(f"--model {config.model} has no parameters to train")


def _describe_shape(shape: tuple[int, ...]) -> str:
    """What an output of this shape is."""
    if len(shape) > 1:
        return f"an output of shape {list(shape)} per example"
    return "one output per class" if shape[0] > 1 else "one output per example"


def _overridden_facts(config: RunConfig) -> str:
    """The arguments that replace what nnlab passes, which may explain a wrong shape."""
    names = sorted(PASSED_TO_MODELS.intersection(arguments_for(config.arguments, "model")))
    if not names:
        return ""
    options = ", ".join(f"--model.{name}" for name in names)
    return f" - {options} replaces the value that nnlab passes"
