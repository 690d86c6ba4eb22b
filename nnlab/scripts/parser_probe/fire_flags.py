"""Describes what Fire makes of a function, a class or a table of them as flags and subcommands."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from .report import Record, flag_record, kind_of_type, kind_of_value, scalar

# Deeper objects are rarely commands, and may contain themselves.
_MAX_LEVELS = 3


def describe_fire(component: Any, *, module_only: bool) -> Record:
    """The parameters of a function or class, and its methods or members as subcommands.

    Args:
        component: the argument of `fire.Fire`.
        module_only: whether only members that the script itself defines are commands.
    """
    if module_only:
        component = {
            name: member
            for name, member in component.items()
            if getattr(member, "__module__", None) == "__main__"
        }
    flags, subcommands = [], []
    for path, member in _commands(component, "", 0):
        if path:
            subcommands.append(path)
        flags += list(_parameter_flags(member, path))
    return {
        "flags": flags,
        "subcommands": subcommands,
        "requires_subcommand": bool(subcommands) and not inspect.isroutine(component),
    }


def _commands(component: Any, path: str, level: int) -> Iterator[tuple[str, Any]]:
    """A component and its members, with the words that select them."""
    yield path, component
    if inspect.isroutine(component) or level == _MAX_LEVELS:
        return
    for name, member in _members(component):
        if not str(name).startswith("_") and (callable(member) or isinstance(member, Mapping)):
            yield from _commands(member, f"{path} {name}".strip(), level + 1)


def _members(component: Any) -> list[tuple[str, Any]]:
    if isinstance(component, Mapping):
        return [(str(name), member) for name, member in component.items()]
    kind = component if inspect.isclass(component) else type(component)
    names = [name for name in dir(kind) if not name.startswith("_")]
    members = [(name, inspect.getattr_static(kind, name)) for name in names]
    return [(name, member) for name, member in members if inspect.isroutine(member)]


def _parameter_flags(component: Any, path: str) -> Iterator[Record]:
    """The parameters of a function or class; none for tables and objects."""
    if not (inspect.isroutine(component) or inspect.isclass(component)):
        return
    function = getattr(component, "__func__", component)  # of static and class methods
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return
    hints = _type_hints(function)
    for index, parameter in enumerate(parameters):
        is_variadic = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        is_self = index == 0 and parameter.name in ("self", "cls")
        if not is_variadic and not is_self:
            yield _describe_parameter(parameter, hints.get(parameter.name), path)


def _type_hints(function: Any) -> Mapping[str, Any]:
    target = function.__init__ if inspect.isclass(function) else function
    try:
        return typing.get_type_hints(target)
    except Exception:  # noqa: BLE001 - annotations may be any expression
        return {}


def _describe_parameter(parameter: inspect.Parameter, hint: Any, path: str) -> Record:
    is_required = parameter.default is parameter.empty
    default = None if is_required else parameter.default
    kind = kind_of_type(hint) or kind_of_value(default)
    if kind == "any" and isinstance(default, str):
        kind = "str"
    is_list = isinstance(default, (list, tuple)) or typing.get_origin(hint) in (list, tuple)
    attributes: Record = {"kind": kind, "takes": "several" if is_list else "one"}
    if kind == "bool":
        attributes.update(boolean="value", boolean_texts=["True", "False"])
    return flag_record(
        parameter.name,
        [f"--{parameter.name}"],
        required=is_required,
        default=scalar(default),
        subcommand=path,
        **attributes,
    )
