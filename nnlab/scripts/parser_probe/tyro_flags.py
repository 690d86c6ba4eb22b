"""Describes the flags of a tyro program from the argparse parser that tyro makes of it.

That parser converts no values: types and defaults are read from the texts of the help page.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from .argparse_flags import describe_argparse
from .report import Record

_DEFAULT = re.compile(r"\(default: (.*)\)\s*$", re.DOTALL)
_KINDS = {"INT": "int", "FLOAT": "float", "STR": "str", "BOOL": "bool", "PATH": "path"}
_BOOLEANS = ["True", "False"]


def describe_tyro(parser: Any) -> Record:
    """The flags, subcommands and whether one is required."""
    metavars: dict[str, Any] = {}
    _collect_metavars(parser, metavars)
    record = describe_argparse(parser)
    record["flags"] = [_typed(flag, metavars) for flag in record["flags"]]
    return record


def _collect_metavars(parser: Any, metavars: dict[str, Any]) -> None:
    for action in parser._actions:
        if type(action).__name__ == "_SubParsersAction":
            for subparser in action.choices.values():
                _collect_metavars(subparser, metavars)
        else:
            metavars[action.dest] = action.metavar


def _typed(flag: Record, metavars: dict[str, Any]) -> Record:
    """A flag with the kind and the default that its help page shows."""
    name = flag["name"]
    typed = {**flag, "name": _setting_name(name)}
    if flag.get("boolean") == "pair":
        return typed
    metavar = metavars.get(name)
    words = re.findall(
        r"[^\s\[\].,|]+", " ".join(metavar) if isinstance(metavar, tuple) else str(metavar)
    )
    kinds = {_KINDS.get(word, "any") for word in words}
    typed["kind"] = kinds.pop() if len(kinds) == 1 else "any"
    if flag.get("choices"):
        typed["kind"] = "choice"
    if sorted(flag.get("choices", [])) == sorted(_BOOLEANS):
        typed.update(kind="bool", choices=[], boolean="value", boolean_texts=_BOOLEANS)
    typed["default"] = _default(typed)
    return typed


def _setting_name(name: str) -> str:
    """The name of the attribute: tyro writes hyphens for underscores, and hides its own wrapper."""
    parts = [part for part in name.replace("-", "_").split(".") if part != "__tyro_dummy_inner__"]
    return ".".join(parts)


def _default(flag: Record) -> Any:
    match = _DEFAULT.search(flag["help"])
    if match is None:
        return None
    try:
        texts = shlex.split(match.group(1))
    except ValueError:
        return None
    if flag["takes"] == "several":
        return json.dumps([_value(flag["kind"], text) for text in texts])
    return _value(flag["kind"], texts[0]) if len(texts) == 1 else None


def _value(kind: str, text: str) -> Any:
    """The value of a text of the help page."""
    if text == "None" and kind in ("any", "choice"):
        return None
    if kind == "bool":
        return text == "True"
    for convert in {"int": (int,), "float": (float,), "any": (int, float)}.get(kind, ()):
        try:
            return convert(text)
        except ValueError:
            continue
    return text
