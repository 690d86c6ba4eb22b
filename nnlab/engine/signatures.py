"""Signatures of user code: its parameters, which options such as `--model.NAME` set.

They are read from the source. The code is executed only if the source does not show them, and only
where user code may be executed (`nnlab.engine.user_code`).
"""

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nnlab.catalogue import find_choice
from nnlab.engine import user_code
from nnlab.engine.package_names import check_package_model, hf_signature
from nnlab.engine.static_signatures import read_parameters
from nnlab.errors import UserCodeError, UserCodeRefused
from nnlab.settings.argument_types import ArgumentType, type_of_annotation, type_of_default
from nnlab.settings.arguments import Parameter, Signature, takes_arguments
from nnlab.settings.user_task import PASSED_SETTINGS

# Properties of the data that nnlab passes to models whose signature has these names.
PASSED_TO_MODELS = frozenset(
    (
        "in_shape", "in_features", "in_channels", "outputs", "num_classes", "out_shape",
        "vocab_size", "sequence_length",
    )
)  # fmt: skip

# Names that nnlab passes where a signature has them, by component.
_PASSED: Mapping[str, frozenset[str]] = {
    "model": PASSED_TO_MODELS,
    "task": PASSED_TO_MODELS | frozenset(("model", *PASSED_SETTINGS)),
    "opt": frozenset(("lr",)),
    "decay": frozenset(("epochs",)),
}


@dataclass(frozen=True, slots=True)
class LeadingParameters:
    """How many parameters at the start of a signature nnlab passes by position.

    Attributes:
        function: of a function.
        constructor: of a class, after `self`.
    """

    function: int = 0
    constructor: int = 0


# By component; the parameters of models are all passed by name.
_LEADING: Mapping[str, LeadingParameters] = {
    "loss": LeadingParameters(function=2),  # outputs and targets
    "opt": LeadingParameters(function=1, constructor=1),  # the parameter groups
    "decay": LeadingParameters(function=1),  # t
}

# Names that no argument can have, because another option has the same effect, and that option.
_RESERVED: Mapping[str, Mapping[str, str]] = {
    "loss": {"reduction": "--reduction reduces the values of the examples"},
    "opt": {
        "lr": "--lr sets it",
        "weight_decay": "--weight-decay sets it, for each parameter group",
    },
    "decay": {"epochs": "--epochs sets it"},
}


def find_signature(component: str, value: str, has_arguments: bool) -> Signature | None:
    """The signature of the user code that is the value of a field; None if it is not known.

    Args:
        component: the field, such as `model`.
        value: its value, such as `wm.py:Net`.
        has_arguments: whether arguments are set; the code may be executed only then.

    Raises:
        UserCodeError: there is no such file or module, or executing it fails.
    """
    if not takes_arguments(component, value):
        return None
    if find_choice(component, value).name != "module:":
        passed = _PASSED.get(component, frozenset())
        check_package_model(value)
        if value.startswith("hf:"):
            return hf_signature(value, passed)
        # The functions of timm check the names of their arguments themselves.
        return Signature(value, {}, accepts_any=True, passed=passed)
    static = _read_source(value, _LEADING.get(component, LeadingParameters()))
    if static is not None:
        return _with_names(Signature(value, *static), component)
    if not has_arguments:
        return None
    try:
        return component_signature(component, value, user_code.load_object(value))
    except UserCodeRefused:
        return None


def component_signature(component: str, reference: str, value: object) -> Signature | None:
    """The signature of the loaded user code of a field, without what nnlab passes by position.

    Args:
        component: the field, such as `loss`.
        reference: its value, such as `losses.py:focal`.
        value: the object that the reference names.
    """
    leading = _LEADING.get(component, LeadingParameters())
    count = leading.constructor if isinstance(value, type) else leading.function
    signature = signature_of(reference, value, frozenset(), leading=count)
    return None if signature is None else _with_names(signature, component)


def _with_names(signature: Signature, component: str) -> Signature:
    """A signature with the names that nnlab passes to the user code of a component."""
    passed = _PASSED.get(component, frozenset())
    reserved = _RESERVED.get(component, {})
    return replace(signature, passed=passed, reserved=reserved)


def _read_source(
    reference: str, leading: LeadingParameters
) -> tuple[Mapping[str, Parameter], bool] | None:
    path, name = user_code.source_of(reference)
    if path.suffix != ".py" or not path.is_file():
        return None
    try:
        return read_parameters(
            path.read_bytes(),
            name,
            str(path),
            leading=leading.function,
            leading_of_class=leading.constructor,
        )
    except (SyntaxError, ValueError) as error:  # null bytes are a ValueError
        message = user_code.locate_user_error(error) or f"{path}: {error}"
        raise UserCodeError(message) from error


def signature_of(
    reference: str, value: object, passed: frozenset[str], *, leading: int = 0
) -> Signature | None:
    """The signature of a loaded callable; None if Python does not know it.

    Args:
        reference: names it in messages.
        value: the callable; an instance of torch's Module has no arguments.
        passed: names that nnlab passes.
        leading: how many parameters at its start are left out.
    """
    if not callable(value):
        return None
    if _is_module_instance(value):
        return Signature(reference, {}, passed=passed)
    try:
        signature = inspect.signature(value, eval_str=True)
    except (NameError, SyntaxError, AttributeError, TypeError):
        signature = inspect.signature(value)
    except ValueError:  # a callable written in C
        return None
    by_position = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    parameters = {
        name: _parameter(parameter)
        for name, parameter in signature.parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and name not in by_position[:leading]
    }
    accepts_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    return Signature(reference, parameters, accepts_any and not _is_bare_module(value), passed)


def _is_module_instance(value: object) -> bool:
    module_class = getattr(sys.modules.get("torch.nn"), "Module", None)
    return module_class is not None and isinstance(value, module_class)


def _is_bare_module(value: object) -> bool:
    """Whether a class has the constructor of torch's Module, whose signature accepts any name."""
    # Compared by identity, because other packages replace the constructor of Module.
    module_class = getattr(sys.modules.get("torch.nn"), "Module", None)
    return module_class is not None and getattr(value, "__init__", None) is module_class.__init__


def _parameter(parameter: inspect.Parameter) -> Parameter:
    annotation, default = parameter.annotation, parameter.default
    text = ""
    if annotation is not parameter.empty:
        text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
        kind = type_of_annotation(text) or ArgumentType(is_settable=False)
    elif default is parameter.empty:
        kind = ArgumentType()
    else:
        kind = type_of_default(default)
    if default is None:
        kind = replace(kind, optional=True)
    return Parameter(
        parameter.name, text, kind, None if default is parameter.empty else _default_text(default)
    )


def _default_text(default: object) -> str:
    name = getattr(default, "__qualname__", None)
    return name if isinstance(name, str) else repr(default)
