"""One value of a field: from text or TOML to its type, checked for limits and catalogue."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

from nnlab.catalogue import choice_names, find_choice, split_names
from nnlab.config.numbers import is_plain_ascii, parse_number
from nnlab.config.option import SettingField, setting_fields
from nnlab.config.resolve import OBJECTIVE_METRICS
from nnlab.errors import ConfigError, UnknownName
from nnlab.objective import Objective, Scalar, format_exact


def parse_value(name: str, value: object) -> Scalar:
    """One value of a field, checked for its type, its limits and its catalogue.

    Args:
        name: a field of RunConfig.
        value: what was typed, or what a TOML file holds.

    Raises:
        ConfigError: names the option, the limit and the value got.
        UnknownName: a name that its catalogue does not have.
    """
    choosable = setting_fields()[name]
    option = choosable.option
    if isinstance(value, str) and value in option.words:
        return value
    if value == "" and choosable.base is str and choosable.default is None and not option.kind:
        raise ConfigError([f"{choosable.flag} needs a value, got nothing"])
    parsed = _validate_type(choosable, value)
    if option.kind is not None:
        parts = split_names(option.kind, str(parsed))
        for part in parts:
            find_choice(option.kind, part)
        if len(parts) > 1:
            parsed = _join_names(choosable, parts)
    if option.one_of and parsed not in option.one_of:
        raise UnknownName(f"value of {choosable.flag}", str(parsed), option.one_of)
    if name == "objective":
        _check_objective(choosable, str(parsed))
    if name == "widths":
        return _parse_widths(choosable, str(parsed))
    if name == "decay_at":
        return _parse_milestones(choosable, str(parsed))
    return parsed


def _join_names(choosable: SettingField, parts: Sequence[str]) -> str:
    """Several names in the order of their catalogue, so that one set has one spelling."""
    if len(set(parts)) < len(parts) or "none" in parts:
        got = "+".join(parts)
        raise ConfigError(
            [f"{choosable.flag} joins different names, and none stands alone; got {got}"]
        )
    return "+".join(name for name in choice_names(choosable.option.kind or "") if name in parts)


def _validate_type(choosable: SettingField, value: object) -> Scalar:
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    hint: Any = choosable.base
    if choosable.limits:
        hint = Annotated[(choosable.base, *choosable.limits)]
    if isinstance(value, bool) and choosable.base is not bool:
        raise ConfigError([f"{choosable.flag} must be {_type_description(choosable)}, got {value}"])
    # pydantic reads 1_0 and digits of other scripts as numbers, as Python does.
    if isinstance(value, str) and choosable.base in (int, float) and not is_plain_ascii(value):
        raise ConfigError([f"{choosable.flag} must be {_type_description(choosable)}, got {value}"])
    if choosable.base is str and isinstance(value, int | float):
        value = format_exact(value)  # --from 12, decay_at = 10
    # A string "0.1" is a number where a number is wanted; nan and inf never are.
    adapter = TypeAdapter(hint, config=ConfigDict(allow_inf_nan=False))
    try:
        parsed: Scalar = adapter.validate_python(value)
    except ValidationError as error:
        raise ConfigError(
            [_limit_message(choosable, value, problem) for problem in error.errors()]
        ) from None
    return parsed


def _type_description(choosable: SettingField) -> str:
    nouns = {int: "a whole number", float: "a number", bool: "true or false"}
    return " or ".join([nouns.get(choosable.base, "text"), *choosable.option.words])


def _limit_message(choosable: SettingField, value: object, problem: Any) -> str:
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
    told = limits.get(problem["type"], _type_description(choosable)).format(**context)
    return f"{choosable.flag} must be {told}, got {value if value != '' else 'nothing'}"


def _check_objective(choosable: SettingField, text: str) -> None:
    try:
        objective = Objective.parse(text)
    except ValueError as error:
        raise ConfigError([f"{choosable.flag} must be METRIC:min or METRIC:max: {error}"]) from None
    split = objective.metric.partition("/")[0]
    if split == "test":
        raise ConfigError(
            [f"{choosable.flag} {text}: the test split is opened once, at the end; select by val/…"]
        )
    measured = OBJECTIVE_METRICS["classification"] | OBJECTIVE_METRICS["regression"]
    if objective.metric not in measured:
        raise UnknownName("metric to select by", objective.metric, measured)


def _parse_widths(choosable: SettingField, text: str) -> str:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and 1 <= int(part) <= 65536 for part in parts):
        raise ConfigError(
            [f"{choosable.flag} must be whole numbers from 1 to 65536, as 256,128; got {text}"]
        )
    return ",".join(str(int(part)) for part in parts)


def _parse_milestones(choosable: SettingField, text: str) -> str:
    numbers = [parse_number(part.strip()) for part in text.split(",")]
    known = [number for number in numbers if number is not None]
    rising = all(a < b for a, b in pairwise([0.0, *known, math.inf]))
    if len(known) < len(numbers) or not rising:
        raise ConfigError(
            [f"{choosable.flag} must be rising numbers above 0, as 10,20 or 0.5,0.75; got {text}"]
        )
    return ",".join(format_exact(number) for number in known)
