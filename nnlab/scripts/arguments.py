"""Spells the values of a setting as arguments of a script, as its parser expects them."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from nnlab.errors import UsageError
from nnlab.objective import Scalar, format_exact
from nnlab.scripts.flags import SUBCOMMAND_NAME, Flag, ScriptFlags

# Texts that Hydra's grammar reads as a string without quotes.
_PLAIN_HYDRA_TEXT = re.compile(r"[A-Za-z_/][\w/.@+-]*")
_HYDRA_WORDS = frozenset(("true", "false", "null", "nan", "inf"))


def build_arguments(flags: ScriptFlags, values: Mapping[str, Scalar]) -> list[str]:
    """The arguments that give values to a script's flags.

    Booleans, negative numbers, several values and configuration overrides are spelled as the
    script's parser expects them. A value of None leaves the script's default in effect.

    Args:
        flags: the script's flags.
        values: values by the name of the flag (or any spelling); several values are a JSON list.
            `subcommand` selects the subcommand. Names that an unknown parser may know become
            `--name value`.

    Raises:
        UsageError: the script has no such flag, or the value cannot be expressed.
    """
    if flags.parser == "unknown":
        return [word for name, value in values.items() for word in _as_typed(name, value)]
    subcommand = selected_subcommand(flags, values)
    by_flag: dict[Flag, Scalar] = {}
    for name, value in values.items():
        if name != SUBCOMMAND_NAME or not flags.subcommands:
            by_flag[flags.resolve_flag(name, subcommand)] = value
    declared = dict.fromkeys((*flags.of_subcommand(subcommand), *by_flag))
    words: list[str] = []
    levels = ["", *accumulate((subcommand or "").split(), lambda first, last: f"{first} {last}")]
    for index, level in enumerate(levels):
        words += level.split()[-1:]
        own = [flag for flag in declared if flag.subcommand == level]
        words += _level_arguments(flags.parser, own, by_flag)
        if index + 1 < len(levels) and flags.parser == "argparse":
            words += _words_before_subcommand(own, by_flag)
    return words


def _words_before_subcommand(flags: Sequence[Flag], values: Mapping[Flag, Scalar]) -> list[str]:
    """Words between a flag that takes any number of values and a subcommand.

    Argparse would read the subcommand as one of the values, so another flag gets its default.
    """
    present = [flag for flag in flags if values.get(flag) is not None and not flag.is_positional]
    if not present or not all(_takes_any_number(flag) for flag in present):
        return []
    for flag in flags:
        has_declared_type = flag.kind in ("int", "float", "bool", "choice")
        if flag.takes_one_value and has_declared_type and flag.default is not None:
            words = list(_flag_arguments("argparse", flag, flag.default))
            if words and not flag.is_positional:
                return words
    raise UsageError(
        f"{present[-1].display_name} takes any number of values, so argparse would read the "
        "subcommand as one of them",
        hint="give a value to another flag of the script too, or pass the arguments after --",
    )


def _takes_any_number(flag: Flag) -> bool:
    return flag.takes == "several" and not flag.is_repeated and flag.value_count is None


def selected_subcommand(flags: ScriptFlags, values: Mapping[str, Scalar]) -> str | None:
    """The subcommand that a setting selects; None if the script has none or none is selected."""
    value = values.get(SUBCOMMAND_NAME)
    return str(value) if flags.subcommands and value is not None else None


def _level_arguments(
    parser: str, flags: Iterable[Flag], values: Mapping[Flag, Scalar]
) -> Iterator[str]:
    """The arguments of one level of subcommands."""
    present = [(flag, values[flag]) for flag in flags if values.get(flag) is not None]
    positional = [(flag, value) for flag, value in present if flag.is_positional]
    # A flag that takes several values would consume a subcommand after it.
    present.sort(key=lambda item: not _takes_any_number(item[0]))
    after_separator = [word for flag, value in positional for word in _texts(parser, flag, value)]
    needs_separator = any(word.startswith("-") for word in after_separator)
    if not needs_separator:
        yield from after_separator
    for flag, value in present:
        if not flag.is_positional:
            yield from _flag_arguments(parser, flag, value)
    if needs_separator:
        yield "--"
        yield from after_separator


def _flag_arguments(parser: str, flag: Flag, value: Scalar) -> Iterator[str]:
    """The arguments that give a value to one flag."""
    if flag.boolean in ("switch", "pair"):
        spellings = flag.spellings if value else flag.negative_spellings
        if spellings:
            yield _preferred(spellings)
        elif flag.default is not None and bool(flag.default) != bool(value):
            text = "true" if value else "false"
            raise UsageError(f"the script has no spelling that makes {flag.display_name} {text}")
        return
    spelling = _preferred(flag.spellings)
    if flag.takes == "none":
        yield from [spelling] * int(value or 0)
        return
    texts = _texts(parser, flag, value)
    if parser in ("hydra", "fire"):
        yield f"{spelling}={texts[0]}"
    elif flag.takes != "several":
        yield from _with_value(spelling, texts[0])
    elif flag.is_repeated:
        count = flag.value_count or 1
        for start in range(0, len(texts), count):
            part = texts[start : start + count]
            yield from [spelling, *part] if count > 1 else _with_value(spelling, part[0])
    else:
        yield from [spelling, *texts]


def _preferred(spellings: Sequence[str]) -> str:
    """The first long spelling; `-l` if there is none."""
    return next((text for text in spellings if text.startswith("--")), spellings[0])


def _with_value(spelling: str, text: str) -> list[str]:
    """A flag with its value; in one word if the value would otherwise be read as a flag."""
    if text and not text.startswith("-"):
        return [spelling, text]
    is_short = len(spelling) == 2
    return [f"{spelling}{text}"] if is_short and text else [f"{spelling}={text}"]


def _texts(parser: str, flag: Flag, value: Scalar) -> list[str]:
    """The texts of a flag's value or values."""
    if parser == "hydra":
        return [_hydra_text(flag, value)]
    if parser == "fire":
        return [_python_text(flag, value)]
    if flag.takes == "several":
        return [_text(flag, item) for item in items_of(value)]
    return [_text(flag, value)]


def items_of(value: Scalar) -> list[Scalar]:
    """The items of a value that stands for several: those of a JSON list, or the value itself."""
    if isinstance(value, str) and value.startswith("["):
        try:
            items = json.loads(value)
        except ValueError:
            return [value]
        if isinstance(items, list):
            return items
    return [value]


def _text(flag: Flag, value: object) -> str:
    if isinstance(value, bool):
        return flag.boolean_texts[0 if value else 1]
    return format_exact(value) if isinstance(value, float) else str(value)


def _python_text(flag: Flag, value: Scalar) -> str:
    """A value as a Python literal, as Fire reads it; text that needs no quotes has none."""
    if flag.takes == "several":
        return repr(items_of(value))
    if not isinstance(value, str):
        return repr(value)
    if flag.kind == "any" and _is_literal(value):
        return value
    is_plain = re.fullmatch(r"[A-Za-z_/][\w/.-]*", value) and not _is_literal(value)
    return value if is_plain else repr(value)


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _hydra_text(flag: Flag, value: Scalar) -> str:
    """A value in Hydra's override grammar: lists in brackets, other text in quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)  # 10.0, because 10 is a whole number in YAML
    text = str(value)
    if text[:1] in ("[", "{") and (flag.takes == "several" or flag.kind == "any"):
        return text
    if _PLAIN_HYDRA_TEXT.fullmatch(text) and text.lower() not in _HYDRA_WORDS:
        return text
    if "\n" in text or "\0" in text:
        raise UsageError(f"{flag.name}: a Hydra override cannot contain a line break")
    return "'" + re.sub(r"(\\*)'", r"\1\1\\'", re.sub(r"(\\+)$", r"\1\1", text)) + "'"


def _as_typed(name: str, value: Scalar) -> list[str]:
    """A flag of an unknown parser: `--name value`, and `--name` alone for true."""
    spelling = name if name.startswith("-") else f"--{name}"
    if value is None or value is False:
        return []
    if value is True:
        return [spelling]
    text = format_exact(value) if isinstance(value, float) else str(value)
    return _with_value(spelling, text)
