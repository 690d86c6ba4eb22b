"""Parsing of one value of a script's flag, with checks of its type and its choices."""

import re

from nnlab.errors import ConfigError
from nnlab.io.text import join_names
from nnlab.objective import Scalar
from nnlab.scripts.flags import Flag
from nnlab.settings.argument_types import infer_value
from nnlab.settings.numbers import is_plain_ascii

_INTEGER = re.compile(r"[+-]?\d+")
_TRUE_WORDS = frozenset(("true", "yes", "on", "1", "t", "y"))
_FALSE_WORDS = frozenset(("false", "no", "off", "0", "f", "n"))
_MAX_CHOICES_SHOWN = 20


def parse_flag_value(flag: Flag, text: str) -> Scalar:
    """One value of a flag; of each value if it takes several.

    Raises:
        ConfigError: the text does not have the flag's type, or is none of its choices.
    """
    value = _parse(flag, text)
    if flag.choices and text not in flag.choices and str(value) not in flag.choices:
        similar = [choice for choice in flag.choices if choice.lower() == text.lower()]
        if len(similar) == 1:
            return similar[0]
        shown = flag.choices[:_MAX_CHOICES_SHOWN]
        more = ", ..." if len(flag.choices) > len(shown) else ""
        raise ConfigError([f"{flag.display_name} {text}: must be one of {', '.join(shown)}{more}"])
    return value


def _parse(flag: Flag, text: str) -> Scalar:
    match flag.kind:
        case "int":
            if not (text.isascii() and _INTEGER.fullmatch(text)):
                raise _wrong_type(flag, text, "a whole number")
            return int(text)
        case "float":
            return _parse_float(flag, text)
        case "bool":
            return _parse_bool(flag, text)
        case "any":
            return infer_value(text)
    return text


def _parse_float(flag: Flag, text: str) -> float | str:
    """A finite number; texts such as `inf` and `nan`, which scripts accept, remain texts."""
    if text.lower().lstrip("+-") in ("inf", "infinity", "nan"):
        return text
    try:
        number = float(text) if is_plain_ascii(text) else None
    except ValueError:
        number = None
    if number is None:
        raise _wrong_type(flag, text, "a number")
    return number


def _parse_bool(flag: Flag, text: str) -> bool:
    true_text, false_text = flag.boolean_texts
    if text == true_text or text.lower() in _TRUE_WORDS:
        return True
    if text == false_text or text.lower() in _FALSE_WORDS:
        return False
    raise _wrong_type(flag, text, join_names(["true", "false"]).replace("and", "or"))


def _wrong_type(flag: Flag, text: str, requirement: str) -> ConfigError:
    return ConfigError([f"{flag.display_name} {text or repr('')}: must be {requirement}"])
