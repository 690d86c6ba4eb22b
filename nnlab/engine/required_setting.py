"""Access to optional settings that a resolved config always has; used by the builders."""

from typing import TypeVar

T = TypeVar("T")


def required(value: T | None) -> T:
    """The value of a setting that the catalogue requires for the chosen optimizer, model or decay.

    Raises:
        ValueError: it is None, so the config was not resolved.
    """
    if value is None:
        raise ValueError("a required setting is missing: the config is not resolved")
    return value
