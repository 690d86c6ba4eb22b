"""Describes the flags of a click or typer command, with its subcommands.

Attributes are read by name, because typer has a copy of click whose classes differ by version.
"""

from __future__ import annotations

import pathlib
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
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

_KINDS = {
    "integer": "int",
    "integer range": "int",
    "float": "float",
    "float range": "float",
    "boolean": "bool",
    "path": "path",
    "file": "path",
    "directory": "path",
    "filename": "path",
    "choice": "choice",
    "text": "str",
}
# Typer adds these options to every program.
_TYPER_OPTIONS = ("--install-completion", "--show-completion")


def describe_click(command: Any) -> Record:
    """The flags, subcommands and whether one is required."""
    return {
        "flags": with_unique_names(list(_command_flags(command, ""))),
        "subcommands": [name for name, _ in _subcommands(command, "")],
        "requires_subcommand": _is_group(command)
        and not getattr(command, "invoke_without_command", False),
    }


def _is_group(command: Any) -> bool:
    return hasattr(command, "list_commands")


def _subcommands(command: Any, parent: str) -> Iterator[tuple[str, Any]]:
    """The subcommands of a command at all levels, with their full names."""
    if not _is_group(command):
        return
    context = _context(command)
    for name in command.list_commands(context):
        subcommand = command.get_command(context, name)
        if subcommand is not None:
            path = f"{parent} {name}".strip()
            yield path, subcommand
            yield from _subcommands(subcommand, path)


def _context(command: Any) -> Any:
    """A context of the command, which groups that load their commands late expect."""
    # Typer's commands have no attribute for the class.
    context_class: Any = getattr(command, "context_class", None)
    if context_class is None:
        context_class = sys.modules[type(command).__mro__[-2].__module__].Context
    return context_class(command, info_name=command.name)


def _command_flags(command: Any, subcommand: str) -> Iterator[Record]:
    for parameter in command.params:
        record = _describe_parameter(parameter)
        if record is not None:
            yield {**record, "subcommand": subcommand}
    if not subcommand:
        for name, child in _subcommands(command, ""):
            yield from _command_flags(child, name)


def _describe_parameter(parameter: Any) -> Record | None:
    """One option or argument; None for options that only print something."""
    is_positional = parameter.param_type_name == "argument"
    spellings = [] if is_positional else list(parameter.opts)
    if any(spelling in _TYPER_OPTIONS for spelling in spellings) or _only_prints(parameter):
        return None
    attributes = _describe_switch(parameter)
    if attributes is None:
        attributes = _describe_values(parameter)
    return flag_record(
        parameter.name,
        spellings,
        help=getattr(parameter, "help", None),
        required=bool(parameter.required),
        is_positional=is_positional,
        group=getattr(parameter, "rich_help_panel", None) or "",
        negative_spellings=list(parameter.secondary_opts),
        **{"default": scalar(_default(parameter)), **attributes},
    )


def _default(parameter: Any) -> Any:
    """The default of a parameter; since click 8.3, a sentinel stands for none."""
    default = parameter.default
    is_sentinel = isinstance(default, Enum) and type(default).__module__.startswith("click")
    return None if is_sentinel else default


def _only_prints(parameter: Any) -> bool:
    """Whether an option prints a help page or a version instead of running the command."""
    is_eager_flag = parameter.is_eager and getattr(parameter, "is_flag", False)
    return bool(is_eager_flag and not parameter.expose_value) or parameter.name == "help"


def _describe_switch(parameter: Any) -> Record | None:
    """The attributes of an option without a value; None if it has one."""
    if getattr(parameter, "count", False):
        return {"kind": "int", "takes": "none"}
    if not getattr(parameter, "is_flag", False):
        return None
    style = "pair" if parameter.secondary_opts else "switch"
    is_default = parameter.default if isinstance(parameter.default, bool) else False
    return {"kind": "bool", "takes": "none", "boolean": style, "default": is_default}


def _describe_values(parameter: Any) -> Record:
    """The attributes of an option or argument with values."""
    kind, choices = _declared_type(parameter)
    attributes: Record = {"kind": kind, "choices": choices, "takes": "one"}
    count = parameter.nargs
    if getattr(parameter, "multiple", False):
        attributes.update(takes="several", is_repeated=True)
    if count == -1:
        attributes["takes"] = "several"
    elif count > 1:
        attributes.update(takes="several", value_count=count)
    if kind == "bool" and attributes["takes"] == "one":
        attributes["boolean"] = "value"
    if _value_is_optional(parameter):
        attributes["takes"] = "optional"
    return attributes


def _value_is_optional(parameter: Any) -> bool:
    """Whether an option with a `flag_value` may be given without a value."""
    return bool(getattr(parameter, "_flag_needs_value", False))


def _declared_type(parameter: Any) -> tuple[str, list[str]]:
    """The kind and the choices of the values of a parameter."""
    declared = getattr(parameter, "type", None)
    if declared is None:
        return _annotated_type(getattr(parameter, "type_descriptor", None))
    if hasattr(declared, "choices"):
        return "choice", _choices(declared.choices)
    name = getattr(declared, "name", "")
    if not isinstance(name, str) or hasattr(declared, "types"):
        return "any", []
    convert = getattr(declared, "func", None)
    if convert is not None:  # a function that converts the text
        return kind_of_type(convert) or kind_of_value(parameter.default), []
    return _KINDS.get(name, "str"), []


def _annotated_type(descriptor: Any) -> tuple[str, list[str]]:
    """The kind and the choices that the annotation of a typer parameter declares."""
    annotation = getattr(descriptor, "annotation", None)
    if getattr(descriptor, "is_choice", False) and descriptor.choices is not None:
        return "choice", _choices(descriptor.choices)
    if getattr(descriptor, "is_path", False) or getattr(descriptor, "is_file", False):
        return "path", []
    items = [item for item in typing.get_args(annotation) if item not in (type(None), ...)]
    if items and _is_union_or_list(annotation):
        annotation = items[0] if len(set(items)) == 1 else None
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "choice", _choices(annotation)
    if isinstance(annotation, type) and issubclass(annotation, pathlib.PurePath):
        return "path", []
    return kind_of_type(annotation) or "any", []


def _is_union_or_list(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    union = getattr(types, "UnionType", typing.Union)
    return origin in (list, tuple, typing.Union, union)


def _choices(choices: Any) -> list[str]:
    """The texts of choices; click names the members of an Enum, typer uses their values."""
    if isinstance(choices, Mapping):
        return [str(name) for name in choices]
    return choice_texts(list(choices))
