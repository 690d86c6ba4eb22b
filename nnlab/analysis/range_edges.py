"""Whether the best trial lies at the edge of what was tried: the best may lie beyond it."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from annotated_types import Ge, Gt, Le, Lt

from nnlab.config import setting_fields
from nnlab.config.ranges import Range, is_range, parse_range, round_to_spacing
from nnlab.config.space import Space, format_value
from nnlab.objective import format_exact
from nnlab.records import Scalar, Setting

# Fewer values have no inside.
_MIN_VALUES = 3

# Of the way through a range: who is that close to its end is at its edge.
_EDGE_FRACTION = 0.03


def range_edge_notes(space: Space, best: Setting) -> tuple[str, ...]:
    """A sentence for each field in which the best trial lies at an edge that could be moved.

    A range, or three values and more, has edges; a value that nothing can lie beyond (as no
    dropout) is none.

    Args:
        space: what was tried: values and ranges by field.
        best: the setting of the best trial.
    """
    return tuple(_edge_sentences(space, best))


def _edge_sentences(space: Space, best: Setting) -> Iterator[str]:
    for name, values in space.items():
        tried = _tried_range(name, values)
        value = best.get(name)
        if tried is None or not _is_number(value):
            continue
        assert isinstance(value, int | float)
        share = tried.share(value)
        low = share <= _EDGE_FRACTION
        if not (low or share >= 1 - _EDGE_FRACTION):
            continue
        end = tried.low if low else tried.high
        if _is_field_limit(name, end, low=low):
            continue
        yield (
            f"the best {name} {format_value(value)} is at the edge of what was tried"
            f" ({format_value(tried.low)} to {format_value(tried.high)}); look beyond it:"
            f" {setting_fields()[name].flag} {_suggested_range(name, tried, low=low)}"
        )


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tried_range(name: str, values: tuple[Scalar, ...]) -> Range | None:
    """What a field was tried at, as a range; None where it has no inside."""
    if len(values) == 1 and is_range(name, values[0]):
        return parse_range(name, str(values[0]))
    numbers = sorted({value for value in values if isinstance(value, int | float)})
    if len(numbers) < _MIN_VALUES or not all(map(_is_number, values)):
        return None
    log = numbers[0] > 0 and _gap_ratio([math.log(number) for number in numbers]) < _gap_ratio(
        numbers
    )
    whole = all(isinstance(value, int) for value in numbers)
    return Range(float(numbers[0]), float(numbers[-1]), log, whole)


def _gap_ratio(numbers: Sequence[float]) -> float:
    """How many times the widest gap of rising numbers is as wide as the narrowest."""
    gaps = [after - before for before, after in pairwise(numbers)]
    return max(gaps) / min(gaps)


def _is_field_limit(name: str, end: float, *, low: bool) -> bool:
    """Whether the field itself ends there, or as good as."""
    for limit in setting_fields()[name].limits:
        match limit:
            case Ge(ge=bound) | Gt(gt=bound) if low and end == bound:
                return True
            case Le(le=bound) | Lt(lt=bound) if not low and end == bound:
                return True
    return False


def _suggested_range(name: str, tried: Range, *, low: bool) -> str:
    """A range as wide as what was tried, around its edge, as far as the field allows."""
    if tried.log:
        factor = math.sqrt(tried.high / tried.low)
        edge = tried.low if low else tried.high
        ends = (edge / factor, edge * factor)
    else:
        half = (tried.high - tried.low) / 2
        edge = tried.low if low else tried.high
        ends = (edge - half, edge + half)
    first, last = (_clamp_to_limits(name, end) for end in ends)
    if tried.whole:
        return f"{round(first)}..{round(last)}"
    short = (round_to_spacing(end, digits=3, spacing=last - first) for end in (first, last))
    # Rounding must not lead out of what the field allows.
    return "..".join(format_exact(_clamp_to_limits(name, end)) for end in short)


def _clamp_to_limits(name: str, value: float) -> float:
    for limit in setting_fields()[name].limits:
        match limit:
            case Ge(ge=bound) | Gt(gt=bound):
                value = max(value, float(bound))  # type: ignore[arg-type]
            case Le(le=bound) | Lt(lt=bound):
                value = min(value, float(bound))  # type: ignore[arg-type]
    return value
