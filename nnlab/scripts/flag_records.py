"""The flags of a script as JSON: reports of the parser probe, and files of the cache."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, get_args

from nnlab.io.escaping import escape_terminal
from nnlab.scripts.flags import BooleanStyle, Flag, FlagArity, FlagKind, ParserKind, ScriptFlags

_LITERALS = {"kind": FlagKind, "takes": FlagArity, "boolean": BooleanStyle}
_TEXT_LISTS = ("spellings", "negative_spellings", "choices", "boolean_texts")
_TEXTS = ("name", "help", "group", "subcommand")
_FLAGS = ("required", "is_positional", "is_repeated")


def flags_to_json(flags: ScriptFlags) -> bytes:
    """The flags as JSON."""
    return json.dumps(asdict(flags)).encode("ascii")


def flags_from_json(content: bytes) -> ScriptFlags:
    """The flags that JSON describes; the parser `unknown` with a problem if it is malformed."""
    try:
        record = json.loads(content)
        return _script_flags(record)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        return ScriptFlags("unknown", problem=f"the report of its parser is malformed: {error}")


def _script_flags(record: Mapping[str, Any]) -> ScriptFlags:
    parser = _literal(ParserKind, record["parser"])
    problem = record.get("problem")
    if problem is not None:
        return ScriptFlags("unknown", problem=f"its parser cannot be read: {_text(problem)}")
    return ScriptFlags(
        parser,
        tuple(_flag(item) for item in record["flags"]),
        _texts(record["subcommands"]),
        bool(record["requires_subcommand"]),
    )


def _flag(record: Mapping[str, Any]) -> Flag:
    values: dict[str, Any] = {}
    for field in fields(Flag):
        if field.name not in record:
            continue
        value = record[field.name]
        if field.name in _LITERALS:
            values[field.name] = None if value is None else _literal(_LITERALS[field.name], value)
        elif field.name in _TEXT_LISTS:
            values[field.name] = _texts(value)
        elif field.name in _TEXTS:
            values[field.name] = _text(value)
        elif field.name in _FLAGS:
            values[field.name] = bool(value)
        elif isinstance(value, str | int | float | None):
            values[field.name] = value
    flag = Flag(**values)
    if not flag.name or not (flag.is_positional or flag.spellings or flag.negative_spellings):
        raise ValueError(f"a flag without a spelling: {flag.name!r}")
    if flag.value_count is not None and (type(flag.value_count) is not int or flag.value_count < 1):
        raise ValueError(f"{flag.value_count!r} values")
    return flag


def _literal(kind: Any, value: object) -> Any:
    if value not in get_args(kind):
        raise ValueError(f"unexpected value {value!r}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return escape_terminal(value)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {value!r}")
    return tuple(_text(item) for item in value)
