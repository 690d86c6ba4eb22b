"""Numbers that user code and plugins return: real numbers only, with a description of the rest."""

from numbers import Complex, Real
from typing import Any, cast


class NotARealNumber(ValueError):
    """A value that is not one real number; the message describes the value."""


def real_number(value: object) -> float:
    """The number that user code returned: a Python number, or a tensor or array with one element.

    It may be infinite or NaN. Texts and truth values are refused: `float` would convert them.

    >>> real_number(2)
    2.0

    Raises:
        NotARealNumber: it is anything else.
    """
    shape = getattr(value, "shape", None)
    if shape is not None and callable(getattr(value, "item", None)):
        if any(size != 1 for size in shape):
            raise NotARealNumber(f"a {type(value).__name__} of shape {list(shape)}")
        value = cast("Any", value).item()
    if value is not True and value is not False and isinstance(value, Real):
        return float(value)
    raise NotARealNumber(describe_value(value))


def describe_value(value: object) -> str:
    """A value that is not a real number, for messages: `the text '0.5'`.

    >>> describe_value(True), describe_value([0.5])
    ('the truth value True', 'an object of type list')
    """
    if value is None:
        return "None (is there a return statement?)"
    if value is True or value is False:
        return f"the truth value {value}"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, Complex) and not isinstance(value, Real):
        return f"the complex number {value}"
    return f"an object of type {type(value).__name__}"
