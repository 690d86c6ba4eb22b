"""Parses the comparisons of a study from the `[[decide]]` and `[[subclaim]]` tables of a TOML file.

[[decide]]
says = "adam ends with a lower loss than sgd"
metric = "val/loss"
at = "selected"
higher = "sgd"
lower = "adam"
expected = 0.1
expected_from = "Kingma and Ba 2015, figure 1"
pilot_sd = 0.05
"""

import math
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.errors import unknown_name_message
from nnlab.objective import PAIR_METRICS
from nnlab.records import Comparison, ComparisonScale

# Where in its history a metric is read: N is an epoch or a number of gradients of the training
# split, X a number; see docs/claims.md.
EVALUATION_POINTS = (
    "selected", "best", "first", "last", "mean", "total",
    "epoch N", "seconds X", "gradients N", "epochs to X", "seconds to X", "gradients to X",
    "once METRIC X", "since best METRIC",
)  # fmt: skip
_EVALUATION_POINT = re.compile(
    r"selected|best|first|last|mean|total|epoch [1-9]\d*|since best [\w/-]+"
    r"|(seconds|gradients|epochs to|seconds to|gradients to|once [\w/-]+) "
    r"(?P<number>\d+(\.\d+)?(e-?\d+)?)"
)
_PAIR_METRIC = re.compile(r"\bpair/[\w/-]*")
_TABLE_KEYS = (
    "says", "metric", "at", "scale", "margin",
    "higher", "lower", "same", "arm", "above", "below", "spread", "correlate",
    "expected", "expected_from", "pilot_sd",
)  # fmt: skip


def parse_comparisons(
    tables: Sequence[Mapping[str, Any]],
    arms: Sequence[str],
    problems: list[str],
    *,
    decides: bool = True,
) -> tuple[Comparison, ...]:
    """The comparisons of `[[decide]]` tables; all errors in them are appended to `problems`.

    Args:
        tables: the tables, in the order of the file.
        arms: the names of the arms of the study.
        problems: receives a message for each error.
        decides: False for `[[subclaim]]` tables, which do not decide the claim.
    """
    key = "decide" if decides else "subclaim"
    parsed = (
        _parse_comparison(f"{key} {number}", table, arms, problems, decides=decides)
        for number, table in enumerate(tables, start=1)
    )
    return tuple(comparison for comparison in parsed if comparison is not None)


def _parse_comparison(
    title: str,
    table: Mapping[str, Any],
    arms: Sequence[str],
    problems: list[str],
    *,
    decides: bool,
) -> Comparison | None:
    errors: list[str] = [
        unknown_name_message("key", key, _TABLE_KEYS) for key in table if key not in _TABLE_KEYS
    ]
    metrics = _compared_metrics(table, errors)
    points = _evaluation_points(table, len(metrics), errors)
    errors += _pair_errors(metrics, points)
    compared = _compared_arms(table)
    if compared is None:
        errors.append("give higher and lower, or same, or arm, or spread")
        compared = ()
    errors += [unknown_name_message("arm", name, arms) for name in compared if name not in arms]
    if len(compared) not in (1, 2, 4):
        errors.append(f"two arms are compared, or two pairs of arms; got {', '.join(compared)}")
    above = below = expected = pilot_sd = None
    try:
        above, below = _parse_bounds(table)
        expected, pilot_sd = _parse_expectation(table)
    except (TypeError, ValueError) as error:
        errors.append(str(error))
    if errors:
        problems += [f"{title}: {line}" for line in errors]
        return None
    statement = str(table.get("says", "")) or f"{' and '.join(metrics)}: {', '.join(compared)}"
    return Comparison(
        statement,
        metrics[0],
        points[0],
        _parse_scale(table),
        compared,
        above,
        below,
        decides=decides,
        other_metric=metrics[1] if len(metrics) == 2 else "",
        other_at=points[-1] if len(metrics) == 2 else "",
        expected=expected,
        expected_from=str(table.get("expected_from", "")),
        pilot_sd=pilot_sd,
    )


def _compared_metrics(table: Mapping[str, Any], errors: list[str]) -> tuple[str, ...]:
    """The metric of a table, or the two metrics whose rank correlation is tested."""
    if "correlate" not in table:
        if not isinstance(table.get("metric"), str):
            errors.append("metric must name the compared metric, such as val/accuracy")
        return (str(table.get("metric")),)
    names = table["correlate"]
    if (
        not isinstance(names, list)
        or len(names) != 2
        or not all(isinstance(name, str) for name in names)
    ):
        errors.append(
            f'correlate must name two metrics, as ["probe/sharpness", "val/loss"]; got {names!r}'
        )
        return ("", "")
    excluded = [key for key in ("metric", "higher", "lower", "same", "spread") if key in table]
    if excluded or "arm" not in table:
        errors.append(
            "correlate needs arm, whose trials vary, and above or below"
            + (f", without {', '.join(excluded)}" if excluded else "")
        )
    if table.get("scale", "difference") != "difference":
        errors.append("correlate has no scale: a rank correlation is a number from -1 to 1")
    return tuple(names)


def _evaluation_points(
    table: Mapping[str, Any], metrics: int, errors: list[str]
) -> tuple[str, ...]:
    """The moment of the metric; of two metrics one moment for both, or a list of two."""
    value = table.get("at", "selected")
    points = _as_names(value)
    if len(points) not in {1, metrics}:
        errors.append(f"at is one moment for each metric, got {value!r}")
    errors += [
        f"at must be one of {', '.join(EVALUATION_POINTS)}; got {point!r}"
        for point in points
        if not _is_evaluation_point(point)
    ]
    return points or ("selected",)


def _is_evaluation_point(text: str) -> bool:
    match = _EVALUATION_POINT.fullmatch(text)
    return match is not None and (match["number"] is None or math.isfinite(float(match["number"])))


def _pair_errors(metrics: Sequence[str], points: tuple[str, ...]) -> list[str]:
    """What is wrong with metrics of pairs of runs, which have one value per pair and no history."""
    named = [name for metric in metrics for name in _PAIR_METRIC.findall(metric)]
    errors = [
        unknown_name_message("metric", n, PAIR_METRICS) for n in named if n not in PAIR_METRICS
    ]
    if any(
        _PAIR_METRIC.search(metric) and point != "selected"
        for metric, point in zip(metrics, points * len(metrics), strict=False)
    ):
        errors.append(f'{named[0]} compares the selected epochs of two runs: at is "selected"')
    return errors


def _parse_scale(table: Mapping[str, Any]) -> ComparisonScale:
    if "correlate" in table:
        return "correlation"
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
    if "correlate" in table and any(b is not None and not -1 <= b <= 1 for b in (above, below)):
        raise ValueError("the bounds of a rank correlation are from -1 to 1")
    if above is not None and below is not None and above >= below:
        raise ValueError(f"above {above:g} must be less than below {below:g}")
    return above, below


def _parse_expectation(table: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The expected value and its standard deviation in the pilot; None where one is not stated.

    Raises:
        TypeError: one is not a finite number, or the origin of the expected value is not text.
        ValueError: one is impossible, or the origin is missing.
    """
    expected, pilot_sd = _parse_number(table, "expected"), _parse_number(table, "pilot_sd")
    origin = table.get("expected_from", "")
    if not isinstance(origin, str):
        raise TypeError(f"expected_from must be text, got {origin!r}")
    if (expected is None) != (not origin.strip()):
        raise ValueError(
            "expected and expected_from belong together: a number and where it is from"
        )
    if pilot_sd is not None and pilot_sd < 0:
        raise ValueError(f"pilot_sd is a standard deviation of at least 0, got {pilot_sd:g}")
    is_positive = table.get("scale") == "ratio" or "spread" in table
    if expected is not None and is_positive and expected <= 0:
        raise ValueError(f"expected is a factor or spread above 0, got {expected:g}")
    if expected is not None and "correlate" in table and not -1 <= expected <= 1:
        raise ValueError(f"expected is a rank correlation from -1 to 1, got {expected:g}")
    return expected, pilot_sd


def _parse_number(table: Mapping[str, Any], key: str) -> float | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{key} must be a number, got {value!r}")
    # A whole number of a TOML file may be larger than every float.
    if not abs(value) <= sys.float_info.max:
        raise ValueError(f"{key} must be finite, got {str(value)[:20]}")
    return float(value)
