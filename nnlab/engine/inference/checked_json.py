"""Reads values of a JSON object of somebody else, with an error for each value of a wrong type."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.errors import CheckpointError


class CheckedJson:
    """A JSON object whose values are read with their expected type.

    All methods raise CheckpointError if a value is missing or has another type; `name` is the file
    and the place in it, for messages.
    """

    def __init__(self, name: str, values: Any) -> None:
        if not isinstance(values, dict):
            raise CheckpointError(f"{name} is not a JSON object")
        self.name = name
        self.values: Mapping[str, Any] = values

    def text(self, key: str, choices: Sequence[str] = ()) -> str:
        """A text, one of some choices if there are any."""
        value = self.values.get(key)
        if not isinstance(value, str) or (choices and value not in choices):
            raise self._error(key, f"one of {', '.join(choices)}" if choices else "a text")
        return value

    def integer(self, key: str, *, minimum: int | None = None) -> int:
        """An integer."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._error(key, "a whole number")
        if minimum is not None and value < minimum:
            raise self._error(key, f"at least {minimum}")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        value = self.values.get(key)
        if not _is_finite_number(value):
            raise self._error(key, "a finite number")
        return float(value)  # type: ignore[arg-type]

    def shape(self, key: str, max_numbers: int) -> tuple[int, ...]:
        """A shape: positive integers whose product is limited."""
        sizes = self._list(key)
        if not sizes or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
            raise self._error(key, "a list of positive whole numbers")
        if math.prod(sizes) > max_numbers:
            raise self._error(key, f"at most {max_numbers:,} numbers")
        return tuple(sizes)

    def numbers(self, key: str, *, null: float | None = None) -> list[float]:
        """A list of finite numbers; None stands for `null`, if that is a number."""
        values = self._list(key)
        if not all(_is_finite_number(v) or (v is None and null is not None) for v in values):
            raise self._error(key, "a list of finite numbers")
        return [null if value is None and null is not None else float(value) for value in values]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        values = self._list(key)
        if not all(isinstance(value, str) for value in values):
            raise self._error(key, "a list of texts")
        return tuple(values)

    def object(self, key: str) -> "CheckedJson":
        """An object."""
        return CheckedJson(f"{self.name}: {key}", self.values.get(key))

    def objects(self, key: str) -> tuple["CheckedJson", ...]:
        """A list of objects."""
        return tuple(CheckedJson(f"{self.name}: {key}", value) for value in self._list(key))

    def _list(self, key: str) -> list[Any]:
        value = self.values.get(key)
        if not isinstance(value, list):
            raise self._error(key, "a list")
        return value

    def _error(self, key: str, expected: str) -> CheckpointError:
        problem = "is missing" if key not in self.values else f"is not {expected}"
        return CheckpointError(f"{self.name}: '{key}' {problem}")


def _is_finite_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False
