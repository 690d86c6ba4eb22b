"""Formatting of `--help` in two columns, without importing rich; used by all commands."""

import inspect
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from typer.core import TyperArgument

from nnlab.cli.output.table_layout import wrap_text

# A name longer than _MAX_NAME_WIDTH gets a line of its own above its description.
_MAX_WIDTH, _MAX_NAME_WIDTH = 100, 34
_MIN_WIDTH = 40

_BOLD_TAG = re.compile(r"(?<!\\)\[(/?)bold\]")
_TYPE_PATTERN = re.compile(r"<([^<>]+)>")
_TYPE_NAMES = {"str": "TEXT", "list[str]": "TEXT", "int": "INT", "float": "FLOAT", "path": "PATH"}


def use_two_columns(command: Any) -> Any:
    """The typer command, and the commands of a group, with `format_help` of this module."""
    command.format_help = partial(format_help, command)
    for name, inner in getattr(command, "commands", {}).items():
        command.commands[name] = use_two_columns(inner)
    return command


def format_help(command: Any, context: Any, formatter: Any) -> None:
    """Writes usage, text, options and commands into a formatter of click."""
    setting = os.environ.get("TERMINAL_WIDTH", "")
    columns = int(setting) if setting.isdecimal() else shutil.get_terminal_size().columns
    width = max(_MIN_WIDTH, min(columns, _MAX_WIDTH))
    sections = [*_parameter_sections(command, context), *_command_sections(command)]
    names = [name for _, rows in sections for name, _ in rows if len(name) <= _name_limit(width)]
    name_width = max(map(len, names), default=0)
    lines = [command.get_usage(context), "", *_text_lines(command.help or "", width)]
    for title, rows in sections:
        lines += ["", _bold(f"{title}:")]
        for name, description in rows:
            lines += _row_lines(name, description, name_width, width)
    # click appends the final line break.
    formatter.write("\n".join(lines))


def _name_limit(width: int) -> int:
    return min(_MAX_NAME_WIDTH, width // 2)


def _row_lines(name: str, description: str, name_width: int, width: int) -> Iterator[str]:
    """The lines of a name and its description, which starts below a long name."""
    lines = wrap_text(description, width - name_width - 4)
    if len(name) > name_width:
        yield f"  {name}"
    else:
        yield f"  {name:{name_width}}  {lines.pop(0)}".rstrip()
    for line in lines:
        yield f"  {'':{name_width}}  {line}".rstrip()


def _parameter_sections(command: Any, context: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """Arguments and options by panel; those without a panel first."""
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None:
            continue
        name, description = record
        is_argument = isinstance(parameter, TyperArgument)
        name = name.split(" <")[0] if is_argument else _TYPE_PATTERN.sub(_type_name, name)
        panel = getattr(parameter, "rich_help_panel", None)
        rows = sections.setdefault(panel or ("Arguments" if is_argument else "Options"), [])
        rows.append((name, _without_markup(description)))
    return [(title, rows) for title, rows in sections.items() if rows]


def _type_name(match: re.Match[str]) -> str:
    return _TYPE_NAMES.get(match[1], match[1])


def _command_sections(command: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """The commands of a group by panel."""
    sections: dict[str, list[tuple[str, str]]] = {}
    commands = dict(getattr(command, "commands", {}))
    if hasattr(command, "plugin_commands"):
        commands |= command.plugin_commands()
    for name, inner in commands.items():
        if inner.hidden:
            continue
        panel = inner.rich_help_panel or "Commands"
        line = _without_markup(_paragraphs(inner.help or "")[0]) if inner.help else ""
        sections.setdefault(panel, []).append((name, line))
    return list(sections.items())


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each joined into one line; indented lines are kept."""
    paragraphs: list[str] = []
    joins = False
    for line in inspect.cleandoc(text).splitlines():
        if joins and line and not line.startswith(" "):
            paragraphs[-1] += f" {line}"
        elif line:
            paragraphs.append(line)
        joins = bool(line) and not line.startswith(" ")
    return paragraphs


def _text_lines(help_text: str, width: int) -> Iterable[str]:
    """The lines of a command's text; examples are not wrapped, so that they can be copied."""
    for index, paragraph in enumerate(_paragraphs(help_text)):
        is_example = paragraph.startswith(" ")
        if index and not is_example:
            yield ""
        for line in [paragraph] if is_example else wrap_text(_without_markup(paragraph), width):
            heading = line if not _BOLD_TAG.match(paragraph) else _bold(f"{line}:")
            yield f"  {line.strip()}" if is_example else heading


def _without_markup(text: str) -> str:
    return _BOLD_TAG.sub("", " ".join(text.split())).replace("\\[", "[")


def _bold(text: str) -> str:
    """Bold text for a terminal; click removes the escape codes in a pipe."""
    return text if os.environ.get("TERM") == "dumb" else f"\x1b[1m{text}\x1b[0m"
