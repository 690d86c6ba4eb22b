"""Ranges of a numeric setting, for figures with a cell per value where trials were sampled."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.figures.axis_fields import AxisValue
from nnlab.figures.draw.axis_scales import format_power_of_ten

# More values than this are a random sample rather than a grid.
MAX_GRID_VALUES = 20
_MAX_BINS = 9
_LOG_FROM_DECADES = 1.0
_LOG_STEPS = ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))  # of the edges within a decade
_LINEAR_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MIN_PLAIN_NUMBER, _MAX_PLAIN_NUMBER = 1e-4, 1e5


@dataclass(frozen=True, slots=True)
class ValueBins:
    """Ranges between increasing edges; each contains its lower edge, the last also its upper."""

    edges: tuple[float, ...]

    def lower_edge(self, value: AxisValue) -> AxisValue:
        """The lower edge of the range that contains a number; a text itself."""
        if isinstance(value, str):
            return value
        below = [edge for edge in self.edges[:-1] if edge <= value]
        return below[-1] if below else self.edges[0]

    def label(self, lower: float) -> str:
        """The name of the range with this lower edge, such as `0.01` and `0.1` with a dash."""
        upper = self.edges[self.edges.index(lower) + 1]
        plain = all(
            _MIN_PLAIN_NUMBER <= abs(edge) < _MAX_PLAIN_NUMBER for edge in self.edges if edge
        )
        low, high = (
            f"{edge:g}" if plain or edge <= 0 else format_power_of_ten(edge)
            for edge in (lower, upper)
        )
        return f"{low}–{high}"  # noqa: RUF001  an en dash


def bins_of(values: Sequence[AxisValue]) -> ValueBins | None:
    """Ranges with round edges for the values of a setting; None for categories and few values.

    The edges are equally spaced, on a logarithmic scale if positive values span a decade.
    """
    numbers = sorted({value for value in values if not isinstance(value, str)})
    if len(numbers) <= MAX_GRID_VALUES or any(isinstance(value, str) for value in values):
        return None
    low, high = numbers[0], numbers[-1]
    is_log = low > 0 and math.log10(high / low) >= _LOG_FROM_DECADES
    return ValueBins(tuple(_log_edges(low, high) if is_log else _linear_edges(low, high)))


def _log_edges(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    edges: list[float] = []
    for steps in _LOG_STEPS:
        marks = [float(f"{s}e{power}") for power in range(first, last + 1) for s in steps]
        start = max(mark for mark in marks if mark <= low)
        end = min(mark for mark in marks if mark >= high)
        edges = [mark for mark in marks if start <= mark <= end]
        if len(edges) <= _MAX_BINS + 1:
            break
    return edges


def _linear_edges(low: float, high: float) -> list[float]:
    power = 10.0 ** math.floor(math.log10((high - low) / _MAX_BINS))
    step = next(
        size * power for size in _LINEAR_STEPS if (high - low) / (size * power) <= _MAX_BINS - 1
    )
    first, last = math.floor(low / step), math.ceil(high / step)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]
