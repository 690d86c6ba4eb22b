"""Arguments of user code in a setting: the keys `model.width`, and the signatures they belong to.

The user code is the value of a field, the component: `--model wm.py:Net --model.width 8` sets the
parameter `width` of `Net`, and `--loss losses.py:focal --loss.gamma 2` the parameter `gamma` of
`focal`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nnlab.catalogue import find_choice
from nnlab.errors import ConfigError, UnknownName, unknown_name_message
from nnlab.objective import Scalar
from nnlab.settings.argument_types import ArgumentType

# Fields whose value may be user code with arguments of its own.
ARGUMENT_COMPONENTS = ("model", "task", "loss", "opt", "decay")

# Rows of the catalogues that take arguments: user code, and the models of packages.
_ROWS_WITH_ARGUMENTS = frozenset(("module:", "timm:", "hf:"))

_KEY = re.compile(rf"({'|'.join(ARGUMENT_COMPONENTS)})\.([^\W\d]\w*)")

# Arguments as a RunConfig holds them: sorted pairs of a dotted key and a value.
Arguments = tuple[tuple[str, Scalar], ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of user code.

    Attributes:
        name: its name in the signature.
        annotation: its annotation as text; empty if it has none.
        type: what values it accepts.
        default: the source of its default; None if it has none.
    """

    name: str
    annotation: str
    type: ArgumentType
    default: str | None = None

    @property
    def is_required(self) -> bool:
        """Whether the parameter has no default."""
        return self.default is None

    def __str__(self) -> str:
        """The parameter as in a signature: `width: int = 8`."""
        text = f"{self.name}: {self.annotation}" if self.annotation else self.name
        if self.default is None:
            return text
        return f"{text} = {self.default}" if self.annotation else f"{text}={self.default}"

    def parse(self, flag: str, value: object) -> Scalar:
        """A value of the command line or of a TOML file, as it is stored.

        Raises:
            ConfigError: the value has another type.
        """
        if not self.type.is_settable:
            raise ConfigError(
                [f"{flag}: the parameter `{self}` cannot be set by an option, only by a default"]
            )
        if value == "":
            raise ConfigError([f"{flag} needs a value, got nothing"])
        try:
            return self.type.parse(value)
        except ValueError as error:
            raise ConfigError(
                [f"{flag}: the parameter `{self}` must be {self.type.requirement}, {error}"]
            ) from None


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of user code that can be set by name.

    Attributes:
        reference: the user code, such as `wm.py:Net`.
        parameters: its parameters by name.
        accepts_any: whether it accepts further names (`**kwargs`).
        passed: names that nnlab itself passes where the signature has them.
        reserved: names that no option `--COMPONENT.NAME` can set, and the reason.
    """

    reference: str
    parameters: Mapping[str, Parameter]
    accepts_any: bool = False
    passed: frozenset[str] = frozenset()
    reserved: Mapping[str, str] = field(default_factory=dict)

    def find_parameter(self, name: str) -> Parameter | None:
        """The parameter that an option can set; None if the user code does not accept it."""
        if name in self.reserved:
            return None
        if name in self.parameters:
            return self.parameters[name]
        return Parameter(name, "", ArgumentType(), "") if self.accepts_any else None


# Returns the signature of a component's value, as `("model", "wm.py:Net", True)`; None if it is not
# known. The last argument is whether arguments are set, so that the code may have to be executed.
FindSignature = Callable[[str, str, bool], Signature | None]


def no_signature(component: str, value: str, has_arguments: bool) -> Signature | None:
    """The `FindSignature` of callers that must not read user code."""
    del component, value, has_arguments
    return None


def is_argument(name: str, component: str | None = None) -> bool:
    """Whether a key of a setting is an argument of user code, or of that of one component.

    >>> is_argument("model.width"), is_argument("width"), is_argument("lr.width")
    (True, False, False)
    """
    match = _KEY.fullmatch(name)
    return match is not None and component in (None, match[1])


def split_argument(name: str) -> tuple[str, str]:
    """The component and the parameter of a key: `model.width` is `("model", "width")`."""
    component, _, parameter = name.partition(".")
    return component, parameter


def argument_flag(name: str) -> str:
    """The option of a key: `--model.width`."""
    return f"--{name}"


def arguments_for(arguments: Arguments, component: str) -> dict[str, Scalar]:
    """The arguments of one component, by parameter."""
    return {
        split_argument(name)[1]: value
        for name, value in arguments
        if split_argument(name)[0] == component
    }


def takes_arguments(component: str, value: str) -> bool:
    """Whether the value of a component is user code, or a model of a package."""
    try:
        return find_choice(component, value).name in _ROWS_WITH_ARGUMENTS
    except UnknownName:
        return False


def declared_parameter(name: str, signatures: Mapping[str, Signature | None]) -> Parameter | None:
    """The parameter that a key sets; None if a signature is not known.

    Args:
        name: the key.
        signatures: the signature of each value of the component that takes arguments.

    Raises:
        ConfigError: no signature has the parameter, or there is no user code.
    """
    _, parameter_name = split_argument(name)
    for signature in signatures.values():
        parameter = None if signature is None else signature.find_parameter(parameter_name)
        if parameter is not None:
            return parameter
    available = [signature for signature in signatures.values() if signature is not None]
    for signature in available:
        if (reason := signature.reserved.get(parameter_name)) is not None:
            raise ConfigError([f"{argument_flag(name)} cannot be set: {reason}"])
    if len(available) < len(signatures):
        return None
    names = {parameter for signature in available for parameter in settable_names(signature)}
    references = ", ".join(signatures)
    message = unknown_name_message(f"parameter of {references}", parameter_name, names)
    raise ConfigError([f"{argument_flag(name)}: {message}"])


def settable_names(signature: Signature) -> tuple[str, ...]:
    """The names of the parameters that options can set, without those that nnlab passes."""
    excluded = signature.passed | set(signature.reserved)
    return tuple(
        name
        for name, parameter in signature.parameters.items()
        if parameter.type.is_settable and name not in excluded
    )


def missing_problems(component: str, signature: Signature, arguments: Arguments) -> list[str]:
    """A problem for each required parameter that has no value, with the option that sets it."""
    values = arguments_for(arguments, component)
    missing = [
        parameter
        for name, parameter in signature.parameters.items()
        if parameter.is_required and name not in values and name not in signature.passed
    ]
    return [
        f"--{component} {signature.reference} needs a value for its parameter `{parameter}`:"
        f" {argument_flag(f'{component}.{parameter.name}')} sets it"
        if parameter.type.is_settable and parameter.name not in signature.reserved
        else f"--{component} {signature.reference} needs a value for its parameter"
        f" `{parameter}`, which no option can set: give it a default"
        for parameter in missing
    ]
