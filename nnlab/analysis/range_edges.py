"""Notes on fields whose best value lies at the edge of the search space, used by rankings."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from annotated_types import Ge, Gt, Le, Lt

from nnlab.objective import format_exact
from nnlab.records import Scalar, Setting
from nnlab.settings import ExternalName, setting_field
from nnlab.settings.ranges import Range, is_range, parse_range, round_to_spacing
from nnlab.settings.setting_differences import format_value
from nnlab.settings.space import Space

# Fewer values have no interior.
_MIN_VALUES = 3

# A value within this fraction of the range from its end is at the edge.
_EDGE_FRACTION = 0.03


def range_edge_notes(space: Space, best: Setting) -> tuple[str, ...]:
    """A note for each field in which the best trial lies at an edge that can be extended.

    Ranges and lists of at least three values have edges. A limit of the field itself, such as a
    dropout rate of 0, is not an edge.

    Args:
        space: the values and ranges tried, by field.
        best: the setting of the best trial.
    """
    return tuple(
        f"{_edge_text(edge)}; extend the range:"
        f" {_flag(edge.name)} {_suggested_range(edge.name, edge.tried, low=edge.low)}"
        for edge in _edges(space, best, _MIN_VALUES)
    )


def tuned_edge_texts(space: Space, best: Setting) -> tuple[str, ...]:
    """The same for a tuned arm of a study, without the suggested range.

    Two values are a grid as well, of which the best one is always at an edge.
    """
    return tuple(_edge_text(edge) for edge in _edges(space, best, 2))


@dataclass(frozen=True, slots=True)
class _Edge:
    """A field whose best value is at the lower or upper edge of the values tried."""

    name: str
    value: int | float
    tried: Range
    low: bool


def _edge_text(edge: _Edge) -> str:
    return (
        f"the best {edge.name} {format_value(edge.value)} is at the edge of the values tried"
        f" ({format_value(edge.tried.low)} to {format_value(edge.tried.high)})"
    )


def _edges(space: Space, best: Setting, min_values: int) -> Iterator[_Edge]:
    for name, values in space.items():
        tried = _tried_range(name, values, min_values)
        value = best.get(name)
        if tried is None or not isinstance(value, int | float) or isinstance(value, bool):
            continue
        # An arm of a study may leave a field at a default that other arms do not try.
        if not tried.low <= value <= tried.high:
            continue
        position = tried.share(value)
        low = position <= _EDGE_FRACTION
        if not (low or position >= 1 - _EDGE_FRACTION):
            continue
        end = tried.low if low else tried.high
        if _is_field_limit(name, end, low=low):
            continue
        yield _Edge(name, value, tried, low)


def _flag(name: str) -> str:
    """The option of a field of nnlab; the name itself in the setting of another program."""
    return name if isinstance(name, ExternalName) else setting_field(name).flag


def _limits(name: str) -> tuple[Ge | Gt | Le | Lt, ...]:
    return () if isinstance(name, ExternalName) else setting_field(name).limits


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tried_range(name: str, values: tuple[Scalar, ...], min_values: int) -> Range | None:
    """The values tried for a field as a range; None if they have no interior."""
    if len(values) == 1 and not isinstance(name, ExternalName) and is_range(name, values[0]):
        return parse_range(name, str(values[0]))
    numbers = sorted({value for value in values if isinstance(value, int | float)})
    if len(numbers) < min_values or not all(map(_is_number, values)):
        return None
    logs = [math.log(number) for number in numbers] if numbers[0] > 0 else []
    is_log = bool(logs) and _gap_ratio(logs) < _gap_ratio(numbers)
    is_integer = all(isinstance(value, int) for value in numbers)
    return Range(float(numbers[0]), float(numbers[-1]), is_log, is_integer)


def _gap_ratio(numbers: Sequence[float]) -> float:
    """The ratio of the widest to the narrowest gap between increasing numbers."""
    gaps = [after - before for before, after in pairwise(numbers)]
    return max(gaps) / min(gaps)


def _is_field_limit(name: str, end: float, *, low: bool) -> bool:
    """Whether an end of the values tried is a limit of the field itself.

    The limits of an argument of user code are unknown: negative values are not suggested for it.
    """
    if low and end == 0 and (isinstance(name, ExternalName) or "." in name):
        return True
    for limit in _limits(name):
        match limit:
            case Ge(ge=bound) | Gt(gt=bound) if low and end == bound:
                return True
            case Le(le=bound) | Lt(lt=bound) if not low and end == bound:
                return True
    return False


def _suggested_range(name: str, tried: Range, *, low: bool) -> str:
    """A range of the same width around the edge, within the limits of the field."""
    if tried.log:
        factor = math.sqrt(tried.high / tried.low)
        edge = tried.low if low else tried.high
        ends = (edge / factor, edge * factor)
    else:
        half = (tried.high - tried.low) / 2
        edge = tried.low if low else tried.high
        ends = (edge - half, edge + half)
    first, last = (_clamp_to_limits(name, end, edge) for end in ends)
    if tried.whole:
        return f"{round(first)}..{round(last)}"
    rounded = (round_to_spacing(end, digits=3, spacing=last - first) for end in (first, last))
    # Rounding must not leave the limits of the field.
    return "..".join(format_exact(_clamp_to_limits(name, end, edge)) for end in rounded)


def _clamp_to_limits(name: str, value: float, edge: float) -> float:
    """The value within the limits of the field; halfway from the edge to one that is excluded."""
    for limit in _limits(name):
        match limit:
            case Ge(ge=bound):
                value = max(value, float(bound))  # type: ignore[arg-type]
            case Gt(gt=bound) if value <= float(bound):  # type: ignore[arg-type]
                value = (edge + float(bound)) / 2  # type: ignore[arg-type]
            case Le(le=bound):
                value = min(value, float(bound))  # type: ignore[arg-type]
            case Lt(lt=bound) if value >= float(bound):  # type: ignore[arg-type]
                value = (edge + float(bound)) / 2  # type: ignore[arg-type]
    return value
