"""Lists and ranges of values of a script's flag, as text of the command line."""

import json
from collections.abc import Iterator, Sequence

from nnlab.errors import ConfigError
from nnlab.objective import Scalar
from nnlab.scripts.flags import Flag
from nnlab.scripts.value_parsing import parse_flag_value
from nnlab.settings.argument_types import ArgumentType
from nnlab.settings.arguments import Parameter
from nnlab.settings.option import Option
from nnlab.settings.ranges import Range, is_field_range, parse_field_range
from nnlab.settings.registry import SettingField

_BRACKETS = {"[": "]", "(": ")", "{": "}"}
_QUOTES = "'\""
_RANGE_TYPES = {"int": ArgumentType((int,)), "float": ArgumentType((float,)), "any": ArgumentType()}


def parse_axis(flag: Flag, text: str) -> Scalar | tuple[Scalar, ...] | Range:
    """The value, the list of values, or the range that a text means for a flag of one value.

    A text is one value if it is one of the flag's choices, if the flag's default contains a comma,
    if it contains a space, or if its commas are in brackets or quotes.

    Raises:
        ConfigError: a value has the wrong type, or is given twice.
    """
    if text in flag.choices or not _is_list(flag, text):
        return _parse_item(flag, text)
    return _parse_items(flag, split_list(text))


def parse_grid_axis(flag: Flag, text: str) -> tuple[Scalar, ...] | Range:
    """The values or the range of `--grid name=text`.

    Commas separate values; of a flag that takes several, spaces separate the items of one value,
    and `[64,64]` is also one value.

    Raises:
        ConfigError: a value has the wrong type, or is given twice.
    """
    items = split_list(text)
    if flag.takes == "several":
        return _distinct(flag, [_several(flag, item) for item in items])
    parsed = _parse_items(flag, items)
    return parsed if isinstance(parsed, tuple | Range) else (parsed,)


def split_list(text: str) -> list[str]:
    """The items of a list: separated by commas that are not in brackets or quotes.

    >>> split_list("1,2"), split_list("[64,64],[128]")
    (['1', '2'], ['[64,64]', '[128]'])
    """
    items: list[str] = []
    item = ""
    closing: list[str] = []
    for character in text:
        if closing and character == closing[-1]:
            closing.pop()
        elif character in _QUOTES and not (closing and closing[-1] in _QUOTES):
            closing.append(character)
        elif character in _BRACKETS and not (closing and closing[-1] in _QUOTES):
            closing.append(_BRACKETS[character])
        if character == "," and not closing:
            items.append(item)
            item = ""
        else:
            item += character
    return [*items, item] if not closing else text.split(",")


def _is_list(flag: Flag, text: str) -> bool:
    """Whether a text of a flag that takes one value is a list, and not a text with commas."""
    default_has_comma = isinstance(flag.default, str) and "," in flag.default
    if flag.kind in ("str", "path", "any") and (default_has_comma or " " in text):
        return False
    return len(split_list(text)) > 1


def _parse_items(flag: Flag, texts: Sequence[str]) -> Scalar | tuple[Scalar, ...] | Range:
    parsed = [_parse_item(flag, text.strip()) for text in texts]
    if len(parsed) == 1:
        return parsed[0]
    return _distinct(flag, list(_expanded(parsed)))


def _parse_item(flag: Flag, text: str) -> Scalar | Range:
    """One value, or the range of a numeric flag."""
    field = _range_field(flag)
    if field is not None and text not in flag.choices and is_field_range(field, text):
        return parse_field_range(field, text)
    return parse_flag_value(flag, text)


def _range_field(flag: Flag) -> SettingField | None:
    """A field of the flag's type, for the parser of ranges; None if it has no ranges."""
    kind = _RANGE_TYPES.get(flag.kind)
    if kind is None:
        return None
    option = Option("", "", flag_name=flag.display_name)
    return SettingField("script_flag", Parameter(flag.name, "", kind), option, (), None)


def _expanded(items: Sequence[Scalar | Range]) -> Iterator[Scalar]:
    for item in items:
        if isinstance(item, Range):
            yield from (int(value) if item.whole else value for value in item.values())
        else:
            yield item


def _distinct(flag: Flag, values: Sequence[Scalar]) -> tuple[Scalar, ...]:
    seen: set[tuple[bool, Scalar]] = set()
    for value in values:
        key = (isinstance(value, bool), value)  # 1 equals True
        if key in seen:
            raise ConfigError([f"{flag.display_name}: the value {value} is given twice"])
        seen.add(key)
    return tuple(values)


def _several(flag: Flag, text: str) -> Scalar:
    """The value `64 64` or `[64,64]` of a flag that takes several, as a JSON list."""
    text = text.strip()
    if text[:1] == "[" and text[-1:] == "]":
        texts = [part.strip().strip(_QUOTES) for part in text[1:-1].split(",") if part.strip()]
    else:
        texts = text.split()
    return json.dumps([parse_flag_value(flag, part) for part in texts], ensure_ascii=False)
