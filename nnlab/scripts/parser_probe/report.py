"""The report of a script's flags: how it is written, and how values become JSON."""

from __future__ import annotations

import json
import math
import os
import pathlib
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, NoReturn

Record = dict[str, Any]

# Longer texts would make the report and every help page of the script unreadable.
_MAX_HELP_LENGTH = 2000
_MAX_CHOICES = 200
# After a preliminary parse, the script must parse its arguments again within this time.
_SECONDS_AFTER_PRELIMINARY_PARSE = 15.0


class FlagReport:
    """Writes the flags of a script to an open file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._preliminary: list[Record] = []

    def stop(self, parser: str, describe: Callable[[], Record]) -> NoReturn:
        """Writes the flags that `describe` returns and ends the process at once.

        Nothing of the script runs afterwards, neither `finally` blocks nor exit handlers.
        """
        self._write(parser, describe)
        os._exit(0)

    def keep(self, parser: str, describe: Callable[[], Record]) -> None:
        """Writes the flags of a preliminary parse; a later parse replaces them.

        The process is ended if none follows, because the script must not start its work.
        """
        self._preliminary = self._write(parser, describe).get("flags", [])
        timer = threading.Timer(_SECONDS_AFTER_PRELIMINARY_PARSE, os._exit, (0,))
        timer.daemon = True
        timer.start()

    def _flags_only_in_preliminary_parses(self, flags: list[Record]) -> list[Record]:
        names = {flag["name"] for flag in flags}
        return [flag for flag in self._preliminary if flag["name"] not in names]

    def _write(self, parser: str, describe: Callable[[], Record]) -> Record:
        try:
            record = {"parser": parser, **describe()}
            record["flags"] += self._flags_only_in_preliminary_parses(record["flags"])
        except Exception as error:  # noqa: BLE001 - objects of the script may raise anything
            record = {"parser": "unknown", "problem": f"{type(error).__name__}: {error}"}
        content = json.dumps(record).encode("ascii")
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        while content:
            content = content[os.write(self._descriptor, content) :]
        return record


def scalar(value: object) -> Any:
    """A value as a default in the report: a scalar, a list as JSON text, otherwise None."""
    if isinstance(value, Enum):
        return scalar(value.value) if _is_scalar(value.value) else value.name
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if _is_scalar(value):
        return value
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if isinstance(value, (list, tuple)) and len(value) <= _MAX_CHOICES:
        items = [scalar(item) for item in value]
        if all(not isinstance(item, (list, tuple)) for item in value) and None not in items:
            return json.dumps(items)
    return None


def _is_scalar(value: object) -> bool:
    return type(value) in (bool, int, float, str)


def choice_texts(choices: object) -> list[str]:
    """The texts of the accepted values; none if they are too many to list, or not iterable."""
    try:
        length = len(choices)  # type: ignore[arg-type]
    except TypeError:
        return []
    if length > _MAX_CHOICES:
        return []
    return [str(scalar(c)) if scalar(c) is not None else str(c) for c in choices]  # type: ignore[attr-defined]


def kind_of_value(value: object) -> str:
    """The kind of a flag without a declared type, from its default.

    A number as default does not exclude other numbers: `dropout=0`.
    """
    if isinstance(value, bool):
        return "bool"
    return "path" if isinstance(value, pathlib.PurePath) else "any"


_KINDS = {bool: "bool", int: "int", float: "float", str: "str"}


def kind_of_type(kind: object) -> str | None:
    """The kind of a declared type; None if it is another class or a function."""
    if not isinstance(kind, type):
        return None
    if issubclass(kind, pathlib.PurePath):
        return "path"
    return _KINDS.get(kind)


def flag_record(
    name: str,
    spellings: Sequence[str],
    *,
    help: object = None,  # noqa: A002
    **attributes: Any,
) -> Record:
    """A flag as it is reported; the attributes are those of `nnlab.scripts.flags.Flag`."""
    text = help if isinstance(help, str) else ""
    record = {"name": str(name), "spellings": [str(spelling) for spelling in spellings]}
    return {**record, "help": " ".join(text.split())[:_MAX_HELP_LENGTH], **attributes}


def with_unique_names(records: Sequence[Record]) -> list[Record]:
    """The flags; those of equal names in one subcommand are named after their spellings.

    Such flags set one attribute to different values: `--upper` and `--lower`.
    """
    counts = Counter(_key(record) for record in records)
    renamed = [_renamed(record) if counts[_key(record)] > 1 else record for record in records]
    return list({_key(record): record for record in reversed(renamed)}.values())[::-1]


def _key(record: Record) -> tuple[str, str]:
    return record.get("subcommand", ""), record["name"]


def _renamed(record: Record) -> Record:
    spellings = [*record["spellings"], *record.get("negative_spellings", ())]
    if not spellings:
        return record
    return {**record, "name": max(spellings, key=len).lstrip("-").replace("-", "_")}
