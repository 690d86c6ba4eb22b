"""Signatures of user code: its parameters, which `--model.NAME` sets.

They are read from the source. The code is executed only if the source does not show them, and only
where user code may be executed (`nnlab.engine.user_code`).
"""

import inspect
import sys
from collections.abc import Mapping
from dataclasses import replace

from nnlab.catalogue import find_choice
from nnlab.config.argument_types import ArgumentType, type_of_annotation, type_of_default
from nnlab.config.arguments import Parameter, Signature, takes_arguments
from nnlab.engine import user_code
from nnlab.engine.package_names import check_package_model, hf_signature
from nnlab.engine.static_signatures import read_parameters
from nnlab.errors import UserCodeError, UserCodeRefused

# Properties of the data that nnlab passes to models whose signature has these names.
PASSED_TO_MODELS = frozenset(
    (
        "in_shape", "in_features", "in_channels", "outputs", "num_classes", "out_shape",
        "vocab_size", "sequence_length",
    )
)  # fmt: skip

_PASSED: Mapping[str, frozenset[str]] = {"model": PASSED_TO_MODELS}


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
    passed = _PASSED.get(component, frozenset())
    if find_choice(component, value).name != "module:":
        check_package_model(value)
        if value.startswith("hf:"):
            return hf_signature(value, passed)
        # The functions of timm check the names of their arguments themselves.
        return Signature(value, {}, accepts_any=True, passed=passed)
    static = _read_source(value)
    if static is not None:
        return Signature(value, *static, passed=passed)
    if not has_arguments:
        return None
    try:
        return signature_of(value, user_code.load_object(value), passed)
    except UserCodeRefused:
        return None


def _read_source(reference: str) -> tuple[Mapping[str, Parameter], bool] | None:
    path, name = user_code.source_of(reference)
    if path.suffix != ".py" or not path.is_file():
        return None
    try:
        return read_parameters(path.read_bytes(), name, str(path))
    except (SyntaxError, ValueError) as error:  # null bytes are a ValueError
        message = user_code.locate_user_error(error) or f"{path}: {error}"
        raise UserCodeError(message) from error


def signature_of(reference: str, value: object, passed: frozenset[str]) -> Signature | None:
    """The signature of a loaded callable; None if Python does not know it."""
    if not callable(value):
        return None
    try:
        signature = inspect.signature(value, eval_str=True)
    except (NameError, SyntaxError, AttributeError, TypeError):
        signature = inspect.signature(value)
    except ValueError:  # a callable written in C
        return None
    parameters = {
        name: _parameter(parameter)
        for name, parameter in signature.parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    accepts_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    return Signature(reference, parameters, accepts_any and not _is_bare_module(value), passed)


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
