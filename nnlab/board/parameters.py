"""The parameters of a request for the data of a view, checked one by one."""

import re
from collections.abc import Mapping

from nnlab.errors import UsageError

MAX_RUNS = 2_000  # in one request

_RUN_RANGE = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")


class Parameters:
    """The query of a request, read by name; each method raises UsageError for a bad value."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def without(self, name: str) -> "Parameters":
        """The other parameters."""
        return Parameters({key: value for key, value in self._values.items() if key != name})

    def text(self, name: str, default: str = "") -> str:
        """The text of a parameter."""
        return self._values.get(name, default)

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """An integer between two limits."""
        text = self._values.get(name)
        if text is None or text == "":
            return default
        if not re.fullmatch(r"-?\d{1,18}", text) or not low <= int(text) <= high:
            raise UsageError(f"{name}: expected an integer from {low} to {high}, got {text!r}")
        return int(text)

    def number(self, name: str) -> float | None:
        """A number; None if the parameter is missing."""
        text = self._values.get(name)
        if text is None or text == "":
            return None
        try:
            return float(text)
        except ValueError:
            raise UsageError(f"{name}: expected a number, got {text!r}") from None

    def run_ids(self, name: str = "runs") -> tuple[int, ...]:
        """Ids of runs, written as `1-3,7`; empty if the parameter is missing."""
        ids: dict[int, None] = {}
        for part in filter(None, self._values.get(name, "").split(",")):
            match = _RUN_RANGE.fullmatch(part)
            if match is None:
                raise UsageError(f"{name}: expected numbers of runs such as 1-3,7, got {part!r}")
            first, last = int(match[1]), int(match[2] or match[1])
            if last - first >= MAX_RUNS or len(ids) + last - first >= MAX_RUNS:
                raise UsageError(f"{name}: more than {MAX_RUNS:,} runs")
            ids |= dict.fromkeys(range(first, last + 1))
        return tuple(ids)
