"""The values of the arguments of user code, `--loss.gamma 2`, with the types of its signature."""

from collections.abc import Mapping

from nnlab.engine.signatures import component_signature
from nnlab.errors import ConfigError, UserCodeError
from nnlab.objective import Scalar
from nnlab.settings import RunConfig
from nnlab.settings.arguments import Signature, argument_flag, arguments_for, declared_parameter


def converted_arguments(config: RunConfig, component: str, code: object) -> Mapping[str, object]:
    """The arguments of the user code of a component, by parameter; empty if none are set.

    Args:
        config: resolved.
        component: the field that names the code, such as `loss`.
        code: the loaded class or function.

    Raises:
        UserCodeError: the signature has no such parameter, or a value has another type.
    """
    values = arguments_for(config.arguments, component)
    if not values:
        return {}
    signature = component_signature(component, str(getattr(config, component)), code)
    if signature is None:
        return values
    return {
        name: converted_argument(signature, name, value, component=component)
        for name, value in values.items()
    }


def converted_argument(
    signature: Signature, name: str, value: Scalar, *, component: str = "model"
) -> object:
    """A stored argument as the type that the signature declares.

    Raises:
        UserCodeError: the signature has no such parameter, or the value has another type.
    """
    key = f"{component}.{name}"
    try:
        parameter = declared_parameter(key, {signature.reference: signature})
        return value if parameter is None else parameter.type.convert(value)
    except ConfigError as error:
        raise UserCodeError(error.message) from None
    except ValueError as error:
        raise UserCodeError(
            f"{argument_flag(key)} does not fit --{component} {signature.reference}: {error}"
        ) from None
