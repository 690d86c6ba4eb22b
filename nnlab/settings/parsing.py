"""Parsing of one value of a field from text or TOML, with checks of type, limits and catalogue."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any

from nnlab.catalogue import choice_names, find_choice, split_names
from nnlab.errors import ConfigError, UnknownName
from nnlab.objective import (
    Objective,
    Scalar,
    format_exact,
    split_direction,
    wrong_direction_message,
)
from nnlab.settings.arguments import Parameter
from nnlab.settings.column_names import format_column_names, parse_column_names
from nnlab.settings.metric_list import TASK_METRICS, join_metrics, parse_metrics
from nnlab.settings.numbers import is_plain_ascii, parse_number
from nnlab.settings.registry import SettingField, setting_field

# The value of class_weights that makes all classes equally important.
BALANCED = "balanced"

# Other names of catalogue rows, accepted on input only: the name of the row is stored.
_ALIASES: Mapping[str, Mapping[str, str]] = {"init": {"kaiming": "msra"}}

# Other spellings of the values of fields without a catalogue; the value is stored.
_MARKS: Mapping[str | bool, str] = {
    ",": "comma",
    ";": "semicolon",
    "|": "pipe",
    " ": "space",
    ".": "point",
    "'": "apostrophe",
}
_VALUE_ALIASES: Mapping[str, Mapping[str | bool, str]] = {
    "csv_sep": {**_MARKS, "\t": "tab", "\\t": "tab"},
    "csv_decimal": _MARKS,
    "target_separator": {**_MARKS, "/": "slash", "+": "plus"},
    "csv_thousands": _MARKS,
    "csv_encoding": {"utf8": "utf-8", "utf-8-sig": "utf-8", "utf16": "utf-16", "latin1": "latin-1"},
    "csv_header": {True: "yes", False: "no"},
}


def parse_value(name: str, value: object) -> Scalar:
    """One value of a field, checked against its type, its limits and its catalogue.

    An alias becomes the name of its catalogue row: `parse_value("init", "kaiming")` is `msra`.

    Args:
        name: a field of RunConfig.
        value: a text of the command line, or a value of a TOML file.

    Raises:
        ConfigError: the value has the wrong type or exceeds a limit; the message names the option.
        UnknownName: the catalogue has no such name.
    """
    return parse_field_value(setting_field(name), value)


def parse_field_value(field: SettingField, value: object) -> Scalar:
    """One value of a field, or of an argument of user code; see `parse_value`."""
    if isinstance(field.annotation, Parameter):
        return field.annotation.parse(field.flag, value)
    name = field.name
    option = field.option
    if isinstance(value, str | bool):
        value = _VALUE_ALIASES.get(name, {}).get(value, value)
    if isinstance(value, str) and value in option.words:
        return value
    if value == "" and field.base is str and field.default is None and not option.catalogue:
        raise ConfigError([f"{field.flag} needs a value, got nothing"])
    parsed = _validate_type(field, value)
    if name == "metrics":
        return join_metrics(parse_metrics(str(parsed)))
    if option.catalogue is not None:
        aliases = _ALIASES.get(option.catalogue, {})
        parsed = aliases.get(str(parsed), parsed)
        parts = split_names(option.catalogue, str(parsed))
        for part in parts:
            find_choice(option.catalogue, part)
        if len(parts) > 1:
            parsed = _join_names(field, parts)
    if option.one_of and parsed not in option.one_of:
        raise UnknownName(f"value of {field.flag}", str(parsed), option.one_of)
    if name == "objective":
        _check_objective(field, str(parsed))
    if name == "widths":
        return _parse_widths(field, str(parsed))
    if name in ("class_weights", "pos_weight"):
        return _parse_weights(field, str(parsed))
    if name in ("drop_columns", "only_columns"):
        return _parse_columns(field, str(parsed))
    if name == "decay_at":
        return _parse_milestones(field, str(parsed))
    return parsed


def _join_names(field: SettingField, parts: Sequence[str]) -> str:
    """The names in the order of their catalogue, so that each set of names has one spelling."""
    if len(set(parts)) < len(parts) or "none" in parts:
        got = "+".join(parts)
        raise ConfigError(
            [f"{field.flag} combines different names; none cannot be combined; got {got}"]
        )
    return "+".join(name for name in choice_names(field.option.catalogue or "") if name in parts)


def _validate_type(field: SettingField, value: object) -> Scalar:
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    hint: Any = field.base
    if field.limits:
        hint = Annotated[(field.base, *field.limits)]
    if isinstance(value, bool) and field.base is not bool:
        raise ConfigError([f"{field.flag} must be {_type_description(field)}, got {value}"])
    # pydantic, like Python, accepts 1_0 and digits of other scripts as numbers.
    if isinstance(value, str) and field.base in (int, float) and not is_plain_ascii(value):
        raise ConfigError([f"{field.flag} must be {_type_description(field)}, got {value}"])
    if field.base is str and isinstance(value, int | float):
        value = format_exact(value)  # --from 12, decay_at = 10
    # The text "0.1" is valid for a numeric field; nan and inf are never valid.
    adapter = TypeAdapter(hint, config=ConfigDict(allow_inf_nan=False))
    try:
        parsed: Scalar = adapter.validate_python(value)
    except ValidationError as error:
        raise ConfigError(
            [_limit_message(field, value, problem) for problem in error.errors()]
        ) from None
    return parsed


def _type_description(field: SettingField) -> str:
    nouns = {int: "a whole number", float: "a number", bool: "true or false"}
    return " or ".join([nouns.get(field.base, "text"), *field.option.words])


def _limit_message(field: SettingField, value: object, problem: Any) -> str:
    limits = {
        "greater_than": "greater than {gt}",
        "greater_than_equal": "at least {ge}",
        "less_than": "less than {lt}",
        "less_than_equal": "at most {le}",
        "finite_number": "finite",
    }
    context = {
        name: format_exact(limit) if isinstance(limit, int | float) else limit
        for name, limit in problem.get("ctx", {}).items()
    }
    requirement = limits.get(problem["type"], _type_description(field)).format(**context)
    return f"{field.flag} must be {requirement}, got {value if value != '' else 'nothing'}"


def _check_objective(field: SettingField, text: str) -> None:
    metric, direction = split_direction(text)
    name, colon, end = metric.rpartition(":")
    if colon:
        raise ConfigError([f"{field.flag} {text}: {wrong_direction_message(name, end)}"])
    try:
        # The direction of a metric of `--metrics` is known when the setting is resolved.
        Objective.parse(text if direction is not None else f"{metric}:min")
    except ValueError as error:
        raise ConfigError([f"{field.flag} must be METRIC:min or METRIC:max: {error}"]) from None
    split, _, quantity = metric.partition("/")
    if split == "test":
        raise ConfigError(
            [
                f"{field.flag} {text}: the test split is evaluated only once, at the end;"
                " select by a val/ metric"
            ]
        )
    if split not in ("train", "val") or not quantity.isidentifier():
        names = dict.fromkeys(name for names in TASK_METRICS.values() for name in names)
        measured = [f"{split}/{name}" for split in ("train", "val") for name in names]
        raise UnknownName("metric for model selection", metric, sorted(measured))


def _parse_widths(field: SettingField, text: str) -> str:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and 1 <= int(part) <= 65536 for part in parts):
        raise ConfigError(
            [f"{field.flag} must be whole numbers from 1 to 65536, such as 256,128; got {text}"]
        )
    return ",".join(str(int(part)) for part in parts)


def _parse_weights(field: SettingField, text: str) -> str:
    is_balanced = field.name == "class_weights" and text == BALANCED
    weights = [parse_number(part.strip()) for part in text.split(",")]
    positive = [weight for weight in weights if weight is not None and 0 < weight < math.inf]
    if not is_balanced and len(positive) < len(weights):
        words = f"{BALANCED}, or " if field.name == "class_weights" else ""
        raise ConfigError([f"{field.flag} must be {words}numbers above 0: 0.2,0.8; got {text}"])
    return text if is_balanced else ",".join(map(format_exact, positive))


def _parse_columns(field: SettingField, text: str) -> str:
    names = parse_column_names(text)
    if not all(names):
        raise ConfigError([f"{field.flag} must be names of columns, such as id,name; got {text}"])
    return format_column_names(names)


def _parse_milestones(field: SettingField, text: str) -> str:
    numbers = [parse_number(part.strip()) for part in text.split(",")]
    milestones = [number for number in numbers if number is not None]
    increasing = all(a < b for a, b in pairwise([0.0, *milestones, math.inf]))
    if len(milestones) < len(numbers) or not increasing:
        raise ConfigError(
            [
                f"{field.flag} must be increasing numbers above 0, such as 10,20 or 0.5,0.75;"
                f" got {text}"
            ]
        )
    return ",".join(format_exact(number) for number in milestones)
