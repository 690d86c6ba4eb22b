"""User-defined learning rate schedules: `--decay file.py:NAME`, a function of progress."""

import inspect
from collections.abc import Callable
from functools import lru_cache

from nnlab.engine import user_code
from nnlab.engine.error_description import location_suffix
from nnlab.engine.returned_numbers import NotARealNumber
from nnlab.engine.schedules.multi_phase import Schedule
from nnlab.engine.schedules.returned_factor import FACTOR_REQUIREMENT, lr_factor
from nnlab.engine.user_arguments import converted_arguments
from nnlab.engine.user_call import call_user_code
from nnlab.errors import UserCodeError
from nnlab.settings import RunConfig


def build(config: RunConfig, total: float) -> Schedule:
    """The schedule that `--decay` names.

    The user's function takes t, the fractional number of epochs since the end of the warmup, and
    returns the factor of the initial learning rate. It may have a parameter `epochs`, which gets
    the total number of these epochs, and gets the arguments of the setting.

    Args:
        config: resolved.
        total: epochs after the warmup.

    Raises:
        UserCodeError: the object is no function. The returned schedule raises it too, if the
            function raises an error or returns anything but a finite number of at least 0.
    """
    option = f"--decay {config.decay}"
    function = _load_function(config.decay, config.decay_version)
    arguments = dict(converted_arguments(config, "decay", function))
    if "epochs" in inspect.signature(function).parameters:
        arguments["epochs"] = total

    def schedule(t: float) -> float:
        value = call_user_code(option, lambda: function(t, **arguments))
        return _check_factor(option, function, value, t)

    return schedule


@lru_cache(maxsize=64)
def _load_function(reference: str, version: str | None) -> Callable[..., object]:
    """The function of one version of the user's file, which may change while a run trains."""
    del version
    function = user_code.load_object(reference)
    if not callable(function) or isinstance(function, type):
        raise UserCodeError(
            f"--decay {reference} is of type {type(function).__name__};"
            " nnlab needs a function of t, the number of epochs, that returns a factor"
        )
    return function


def _check_factor(option: str, function: Callable[..., object], value: object, t: float) -> float:
    try:
        return lr_factor(value)
    except NotARealNumber as error:
        raise UserCodeError(
            f"{option} returns {error} at t = {t:g}; {FACTOR_REQUIREMENT}"
            + location_suffix(function)
        ) from None
