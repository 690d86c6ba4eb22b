"""The comparisons of a study as a TOML file says them, read and checked.

[[decide]]
says = "adam ends with a lower loss than sgd"
metric = "val/loss"
at = "selected"
higher = "sgd"
lower = "adam"
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.errors import unknown_name_message
from nnlab.records import Comparison, ComparisonScale

# When a metric is read, with N an epoch and X a number; see docs/comparing.md.
EVALUATION_POINTS = (
    "selected", "best", "first", "last", "mean", "total",
    "epoch N", "seconds X", "epochs to X", "seconds to X", "once METRIC X",
)  # fmt: skip
_EVALUATION_POINT = re.compile(
    r"selected|best|first|last|mean|total|epoch [1-9]\d*"
    r"|(seconds|epochs to|seconds to|once [\w/-]+) \d+(\.\d+)?(e-?\d+)?"
)
_TABLE_KEYS = (
    "says", "metric", "at", "scale", "margin",
    "higher", "lower", "same", "arm", "above", "below", "spread",
)  # fmt: skip


def parse_comparisons(
    tables: Sequence[Mapping[str, Any]], arms: Sequence[str], problems: list[str]
) -> tuple[Comparison, ...]:
    """Reads `[[decide]]` tables; what is wrong with them is added to `problems`, all at once."""
    read = (_parse_comparison(n, table, arms, problems) for n, table in enumerate(tables, start=1))
    return tuple(found for found in read if found is not None)


def _parse_comparison(
    number: int, table: Mapping[str, Any], arms: Sequence[str], problems: list[str]
) -> Comparison | None:
    wrong: list[str] = [
        unknown_name_message("key", key, _TABLE_KEYS) for key in table if key not in _TABLE_KEYS
    ]
    at = str(table.get("at", "selected"))
    if not _EVALUATION_POINT.fullmatch(at):
        wrong.append(f"at must be one of {', '.join(EVALUATION_POINTS)}; got {at!r}")
    if not isinstance(table.get("metric"), str):
        wrong.append("metric must name what is compared, such as val/accuracy")
    sides = _compared_arms(table)
    if sides is None:
        wrong.append("give higher and lower, or same, or arm, or spread")
        sides = ()
    wrong += [unknown_name_message("arm", name, arms) for name in sides if name not in arms]
    if len(sides) not in (1, 2, 4):
        wrong.append(f"two arms are compared, or two pairs of arms; got {', '.join(sides)}")
    try:
        above, below = _parse_bounds(table)
    except (TypeError, ValueError) as error:
        wrong.append(str(error))
    if wrong:
        problems += [f"decide {number}: {line}" for line in wrong]
        return None
    metric = table["metric"]
    says = str(table.get("says", "")) or f"{metric}: {', '.join(sides)}"
    return Comparison(says, metric, at, _parse_scale(table), sides, above, below)


def _parse_scale(table: Mapping[str, Any]) -> ComparisonScale:
    if "spread" in table:
        return "spread"
    return "ratio" if table.get("scale") == "ratio" else "difference"


def _compared_arms(table: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The arms in the order of `Comparison.arms`; None where the table does not say them."""
    if "higher" in table and "lower" in table:
        return (*_as_names(table["higher"]), *_as_names(table["lower"]))
    for key in ("same", "arm", "spread"):
        if key in table:
            return _as_names(table[key])
    return None


def _as_names(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _parse_bounds(table: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The bounds that the table claims.

    Raises:
        TypeError, ValueError: a bound is missing, no number, or not possible on its scale.
    """
    if table.get("scale", "difference") not in ("difference", "ratio"):
        raise ValueError(f"scale is difference or ratio, got {table['scale']!r}")
    ratio = table.get("scale") == "ratio"
    margin, above, below = (_parse_number(table, key) for key in ("margin", "above", "below"))
    if "higher" in table:
        above = margin if margin is not None else 1.0 if ratio else 0.0
    elif "same" in table:
        if margin is None or margin <= (1 if ratio else 0):
            raise ValueError(f"same needs a margin above {'1' if ratio else '0'}, got {margin}")
        above, below = (1 / margin if ratio else -margin), margin
    if above is None and below is None:
        raise ValueError("give a bound: above, below or both")
    if "spread" in table and (below is None or above is not None):
        raise ValueError("spread needs below, the largest sd over the mean, and no other bound")
    if ratio and any(bound is not None and bound <= 0 for bound in (above, below)):
        raise ValueError("the bounds of a ratio are above 0")
    if above is not None and below is not None and above >= below:
        raise ValueError(f"above {above:g} must be less than below {below:g}")
    return above, below


def _parse_number(table: Mapping[str, Any], key: str) -> float | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{key} must be a number, got {value!r}")
    return float(value)
