"""Values of a setting as Python source, for all parts of a training script."""

import math
from collections.abc import Iterable
from textwrap import dedent, indent

from nnlab.errors import ConfigError

Lines = list[str]


def number(value: object) -> str:
    """A number as Python source.

    Settings are read from databases that others may have written, and the result is executed: only
    finite numbers become source.

    Raises:
        ConfigError: the value is not a finite number.

    >>> number(0.05), number(64), number(1e-08)
    ('0.05', '64', '1e-08')
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError([f"a setting has {value!r}, where a script needs a number"])
    return repr(value)


def numbers(values: Iterable[object]) -> str:
    """Numbers as a tuple in Python source.

    >>> numbers([1.0, 2.5]), numbers([3])
    ('(1.0, 2.5)', '(3,)')
    """
    texts = [number(value) for value in values]
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


def block(text: str, *, depth: int = 0) -> Lines:
    """The lines of a text without its common indentation, indented by `depth` levels."""
    return indent(dedent(text).strip("\n"), "    " * depth).splitlines()


def call(function: str, *arguments: str) -> str:
    """A call in Python source; empty arguments are left out.

    >>> call("nn.BatchNorm1d", "64", "", "momentum=0.2")
    'nn.BatchNorm1d(64, momentum=0.2)'
    """
    return f"{function}({', '.join(argument for argument in arguments if argument)})"
