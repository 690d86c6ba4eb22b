"""Describes the flags of an argparse parser, with its groups and subcommands."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from enum import Enum
from types import FunctionType
from typing import Any

from .report import (
    Record,
    choice_texts,
    flag_record,
    kind_of_type,
    kind_of_value,
    scalar,
    with_unique_names,
)

_DEFAULT_GROUPS = ("options", "optional arguments", "positional arguments")
# Texts that converters of booleans usually accept.
_BOOLEAN_TEXTS = (("true", "false"), ("True", "False"), ("1", "0"), ("yes", "no"), ("True", ""))


def describe_argparse(parser: Any) -> Record:
    """The flags, subcommands and whether one is required."""
    flags = list(_parser_flags(parser, ""))
    subcommands = [action for action in parser._actions if _is_subparsers(action)]
    return {
        "flags": with_unique_names(_merged_switches(flags)),
        "subcommands": list(_subcommand_names(parser, "")),
        "requires_subcommand": any(action.required for action in subcommands),
    }


def _is_subparsers(action: Any) -> bool:
    # By name, because tyro has a copy of argparse.
    return type(action).__name__ == "_SubParsersAction"


def _subparsers(parser: Any) -> Iterator[tuple[str, Any]]:
    """The subcommands of a parser; of several names of one only the first."""
    for action in parser._actions:
        if _is_subparsers(action):
            by_parser: dict[int, tuple[str, Any]] = {}
            for name, subparser in action.choices.items():
                by_parser.setdefault(id(subparser), (name, subparser))
            yield from by_parser.values()


def _subcommand_names(parser: Any, parent: str) -> Iterator[str]:
    for name, subparser in _subparsers(parser):
        path = f"{parent} {name}".strip()
        yield path
        yield from _subcommand_names(subparser, path)


def _parser_flags(parser: Any, subcommand: str) -> Iterator[Record]:
    groups = {
        id(action): group.title
        for group in parser._action_groups
        for action in group._group_actions
        if group.title and group.title not in _DEFAULT_GROUPS
    }
    for action in parser._actions:
        record = None if _is_subparsers(action) else describe_action(action)
        if record is not None:
            group = groups.get(id(action), "")
            text = _expanded_help(parser, action)
            yield {**record, "help": text, "group": group, "subcommand": subcommand}
    for name, subparser in _subparsers(parser):
        yield from _parser_flags(subparser, f"{subcommand} {name}".strip())


def _expanded_help(parser: Any, action: Any) -> str:
    """The help of an action with its placeholders replaced."""
    if not isinstance(action.help, str) or action.help == argparse.SUPPRESS:
        return ""
    try:
        text = parser._get_formatter()._expand_help(action)
    except Exception:  # noqa: BLE001 - a placeholder that argparse cannot replace
        text = action.help
    return str(flag_record("", (), help=text)["help"])


def describe_action(action: Any) -> Record | None:
    """One flag or positional argument; None for help and version."""
    if isinstance(action, (argparse._HelpAction, argparse._VersionAction)):
        return None
    if type(action).__name__ in ("_HelpAction", "_VersionAction"):
        return None
    spellings = list(action.option_strings)
    default = None if action.default == argparse.SUPPRESS else action.default
    attributes: Record = {
        "default": scalar(_converted(default, action.type)),
        "required": bool(action.required) and action.nargs not in ("*", "?"),
        "is_positional": not spellings,
    }
    if action.nargs == 0:
        attributes.update(_describe_switch(action, default))
    else:
        attributes.update(_describe_values(action, default))
    return flag_record(action.dest, attributes.pop("spellings", spellings), **attributes)


def _converted(default: Any, convert: Any) -> Any:
    """A default; argparse converts those that are text."""
    if isinstance(default, str) and convert in (int, float):
        try:
            return convert(default)
        except ValueError:
            return default
    return default


def _describe_switch(action: Any, default: Any) -> Record:
    """The attributes of a flag without a value."""
    spellings = list(action.option_strings)
    if type(action).__name__ == "_CountAction":
        return {"kind": "int", "takes": "none"}
    negative = [text for text in spellings if _is_negation(text, spellings)]
    if negative:
        positive = [text for text in spellings if text not in negative]
        style, is_default = "pair", scalar(default)
    elif getattr(action, "const", True) is False:
        positive, negative = [], spellings
        style, is_default = "switch", scalar(default)
    else:
        positive, style = spellings, "switch"
        is_default = default if isinstance(default, bool) else False
    return {
        "kind": "bool",
        "takes": "none",
        "boolean": style,
        "default": is_default,
        "spellings": positive,
        "negative_spellings": negative,
    }


def _is_negation(spelling: str, spellings: list[str]) -> bool:
    """Whether a spelling is that of another with `no-`: `--no-amp`, `--model.no-amp`."""
    for marker in ("no-", "no_"):
        for start in ("--", "."):
            left, separator, right = spelling.rpartition(start + marker)
            if separator and f"{left}{start}{right}" in spellings:
                return True
    return False


def _describe_values(action: Any, default: Any) -> Record:
    """The attributes of a flag with values."""
    attributes: Record = {"takes": "one", "kind": _kind(action, default)}
    if action.choices is not None:
        attributes["choices"] = choice_texts(action.choices)
        if attributes["kind"] in ("str", "any"):
            attributes["kind"] = "choice"
    if action.nargs == "?":
        attributes["takes"] = "optional"
    elif isinstance(action.nargs, int) and action.nargs > 1:
        attributes.update(takes="several", value_count=action.nargs)
    elif action.nargs is not None and not isinstance(action.nargs, int):
        attributes["takes"] = "several"
    if type(action).__name__ == "_AppendAction":
        is_repeated = action.nargs is None or isinstance(action.nargs, int)
        attributes.update(takes="several", is_repeated=is_repeated)
    if attributes["kind"] == "bool" and attributes["takes"] != "several":
        texts = _boolean_texts(action.type)
        if texts is None:
            attributes["kind"] = "any"
        else:
            attributes.update(boolean="value", boolean_texts=texts)
    return attributes


def _kind(action: Any, default: Any) -> str:
    convert = action.type
    if isinstance(convert, type) and issubclass(convert, Enum):
        return "choice" if action.choices is not None else "str"
    kind = kind_of_type(convert)
    if kind is not None:
        return kind
    if isinstance(convert, argparse.FileType) or convert is open:
        return "path"
    if convert is None:
        is_number = isinstance(default, (int, float)) and not isinstance(default, bool)
        return "any" if is_number else "str"
    return kind_of_value(default)


def _boolean_texts(convert: Any) -> tuple[str, str] | None:
    """The texts that a converter reads as true and false; None if it does not."""
    # Other callables may have effects, for example open a file of that name.
    if convert is not bool and not isinstance(convert, FunctionType):
        return None
    for true_text, false_text in _BOOLEAN_TEXTS:
        try:
            if convert(true_text) is True and convert(false_text) is False:
                return true_text, false_text
        except Exception:  # noqa: BLE001, S112 - a converter may raise anything
            continue
    return None


def _merged_switches(records: list[Record]) -> list[Record]:
    """The flags; `--amp` and `--no-amp` that set the same attribute become one."""
    merged: list[Record] = []
    for record in records:
        partner = next((other for other in merged if _complements(other, record)), None)
        if partner is None:
            merged.append(record)
            continue
        partner["spellings"] += record["spellings"]
        negative = [*partner.get("negative_spellings", ()), *record["negative_spellings"]]
        partner["negative_spellings"] = negative
        if partner["boolean"] == "switch":
            partner["boolean"] = "pair"
            partner["default"] = partner["default"] if record["spellings"] else record["default"]
    return merged


def _complements(first: Record, second: Record) -> bool:
    """Whether a switch sets the same attribute as another flag, to the other value."""
    same = all(first.get(key) == second.get(key) for key in ("name", "subcommand"))
    if not same or second.get("boolean") != "switch" or first.get("boolean") is None:
        return False
    if first["boolean"] == "switch":
        return bool(first["spellings"]) != bool(second["spellings"])
    return not second["spellings"]
