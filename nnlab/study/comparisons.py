"""Parses the comparisons of a study from the `[[decide]]` tables of a TOML file.

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

# Where in its history a metric is read: N is an epoch, X a number; see docs/claims.md.
EVALUATION_POINTS = (
    "selected", "best", "first", "last", "mean", "total",
    "epoch N", "seconds X", "epochs to X", "seconds to X", "once METRIC X",
    "since best METRIC",
)  # fmt: skip
_EVALUATION_POINT = re.compile(
    r"selected|best|first|last|mean|total|epoch [1-9]\d*|since best [\w/-]+"
    r"|(seconds|epochs to|seconds to|once [\w/-]+) \d+(\.\d+)?(e-?\d+)?"
)
_TABLE_KEYS = (
    "says", "metric", "at", "scale", "margin",
    "higher", "lower", "same", "arm", "above", "below", "spread",
)  # fmt: skip


def parse_comparisons(
    tables: Sequence[Mapping[str, Any]], arms: Sequence[str], problems: list[str]
) -> tuple[Comparison, ...]:
    """The comparisons of `[[decide]]` tables; all errors in them are appended to `problems`.

    Args:
        tables: the tables, in the order of the file.
        arms: the names of the arms of the study.
        problems: receives a message for each error.
    """
    parsed = (
        _parse_comparison(number, table, arms, problems)
        for number, table in enumerate(tables, start=1)
    )
    return tuple(comparison for comparison in parsed if comparison is not None)


def _parse_comparison(
    number: int, table: Mapping[str, Any], arms: Sequence[str], problems: list[str]
) -> Comparison | None:
    errors: list[str] = [
        unknown_name_message("key", key, _TABLE_KEYS) for key in table if key not in _TABLE_KEYS
    ]
    evaluation_point = str(table.get("at", "selected"))
    if not _EVALUATION_POINT.fullmatch(evaluation_point):
        errors.append(f"at must be one of {', '.join(EVALUATION_POINTS)}; got {evaluation_point!r}")
    if not isinstance(table.get("metric"), str):
        errors.append("metric must name the compared metric, such as val/accuracy")
    compared = _compared_arms(table)
    if compared is None:
        errors.append("give higher and lower, or same, or arm, or spread")
        compared = ()
    errors += [unknown_name_message("arm", name, arms) for name in compared if name not in arms]
    if len(compared) not in (1, 2, 4):
        errors.append(f"two arms are compared, or two pairs of arms; got {', '.join(compared)}")
    try:
        above, below = _parse_bounds(table)
    except (TypeError, ValueError) as error:
        errors.append(str(error))
    if errors:
        problems += [f"decide {number}: {line}" for line in errors]
        return None
    metric = table["metric"]
    statement = str(table.get("says", "")) or f"{metric}: {', '.join(compared)}"
    return Comparison(
        statement, metric, evaluation_point, _parse_scale(table), compared, above, below
    )


def _parse_scale(table: Mapping[str, Any]) -> ComparisonScale:
    if "spread" in table:
        return "spread"
    return "ratio" if table.get("scale") == "ratio" else "difference"


def _compared_arms(table: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The arms in the order of `Comparison.arms`; None where the table names none."""
    if "higher" in table and "lower" in table:
        return (*_as_names(table["higher"]), *_as_names(table["lower"]))
    for key in ("same", "arm", "spread"):
        if key in table:
            return _as_names(table[key])
    return None


def _as_names(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _parse_bounds(table: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The bounds (above, below) that the table claims; None where a side has no bound.

    Raises:
        TypeError: a bound is not a number.
        ValueError: a bound is missing or impossible on its scale.
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
