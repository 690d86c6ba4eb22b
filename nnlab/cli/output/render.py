"""Printing of lists (table, JSON, CSV, Markdown) and text, used by every command.

All output passes through this module and `nnlab.io.escaping`, because stored values may contain
control characters, markup or formulas.
"""

import csv
import io
import json
import math
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from nnlab.cli.output.formats import Format
from nnlab.cli.output.table_layout import (
    ColumnLayout,
    TextLayout,
    lay_out_records,
    lay_out_table,
    wrap_text,
)
from nnlab.io import escaping

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# A pipe has no width; this one is large enough to avoid truncation.
_PIPE_WIDTH = 10_000

_BYTE_UNITS = ("KiB", "MiB", "GiB", "TiB")

# A line with a command is not wrapped, so that the command can be copied.
_COMMAND_PATTERN = re.compile(r"^next: |\bnnlab [a-z]")

TableRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a list.

    Attributes:
        key: key of the value in a row; JSON and CSV contain the value itself.
        title: heading in tables.
        text: converts a value to the text in tables.
        align_right: align the cells right.
        hidden: omit the column from tables.
        priority: in a narrow terminal, columns with the largest priority are dropped first; columns
            with priority 0 are never dropped.
        wrap: cells may be wrapped between words.
    """

    key: str
    title: str
    text: Callable[[Any], str] = str
    align_right: bool = False
    hidden: bool = False
    priority: int = 0
    wrap: bool = False


def console(*, stderr: bool = False) -> "Console":
    """The console: coloured and as wide as the terminal; plain and unwrapped in a pipe."""
    from nnlab.cli.output.safe_console import SafeConsole

    return SafeConsole(stderr=stderr, width=_fixed_width(sys.stderr if stderr else sys.stdout))


def screen_width() -> int:
    """The width of standard output in cells: of the terminal or COLUMNS; very large in a pipe."""
    return _fixed_width(sys.stdout) or console().width


def _fixed_width(stream: TextIO) -> int | None:
    """The width of a pipe; None if rich detects the width."""
    return None if stream.isatty() or os.environ.get("COLUMNS", "").isdigit() else _PIPE_WIDTH


def say(*parts: str, style: str = "") -> None:
    """Prints a line on standard output; markup in the text is not interpreted.

    The text is wrapped between words on a terminal, except for a line with a command.
    """
    _print_prose(console(), " ".join(parts), style)


def note(text: str) -> None:
    """Prints a note on standard error, for information that is not part of the result."""
    _print_prose(console(stderr=True), f"note: {text}", "yellow")


def _print_prose(screen: "Console", text: str, style: str) -> None:
    text = escaping.escape_terminal(text)
    if not _COMMAND_PATTERN.search(text):
        text = "\n".join(wrap_text(text, screen.width))
    screen.print(rich_text(text, style), soft_wrap=True)


def rich_text(text: str, style: str = "") -> "Text":
    """Text for the console without control characters; markup in it is not interpreted."""
    from rich.text import Text

    # Escaped before the console does it, because rich removes some control characters.
    return Text(escaping.escape_terminal(text), style=style)


def format_bytes(size: int) -> str:
    """A size in bytes as text with a unit.

    >>> format_bytes(0), format_bytes(1536), format_bytes(3 * 2**30)
    ('0 bytes', '1.5 KiB', '3.0 GiB')
    """
    if size < 1024:
        return f"{size} bytes"
    power = min((size.bit_length() - 1) // 10, len(_BYTE_UNITS))
    return f"{size / 1024**power:,.1f} {_BYTE_UNITS[power - 1]}"


def render(rows: Sequence[TableRow], columns: Sequence[TableColumn], output_format: Format) -> None:
    """Prints a list in an output format."""
    match output_format:
        case Format.JSON:
            print_json([{c.key: row.get(c.key) for c in columns} for row in rows])
        case Format.CSV:
            _write_stdout(_csv_text(rows, columns))
        case Format.MARKDOWN:
            _write_stdout(markdown_table(rows, columns))
        case Format.TABLE:
            _print_screen_table(rows, columns)


def print_json(value: object) -> None:
    """Prints JSON; NaN and infinities become null."""
    _write_stdout(_json_text(value, indent=2))


def print_json_line(value: object) -> None:
    """Prints JSON in one line and flushes it, for programs that read line by line."""
    _write_stdout(_json_text(value, indent=None))
    sys.stdout.flush()


def print_text(text: str) -> None:
    """Prints untrusted text without wrapping on standard output, for files and pipes."""
    _write_stdout(escaping.escape_terminal(text))


def print_pairs(pairs: Sequence[tuple[str, str]], *, unbroken: Collection[str] = ()) -> None:
    """Prints a title and a value per line.

    Args:
        pairs: titles and values.
        unbroken: titles whose values (commands, paths) are not wrapped, so that they can be copied.
    """
    columns = [
        ColumnLayout(escaping.escape_terminal(key), wrap=key not in unbroken) for key, _ in pairs
    ]
    values = [escaping.escape_terminal(value) for _, value in pairs]
    text = rich_text("")
    for title, value in lay_out_records(list(zip(columns, values, strict=True)), screen_width()):
        text.append(title, "bold").append(f"{value}\n")
    console().print(text, soft_wrap=True, end="")


def markdown_table(rows: Sequence[TableRow], columns: Sequence[TableColumn]) -> str:
    """A Markdown table; markup in texts is escaped."""
    visible = [column for column in columns if not column.hidden]
    lines = [
        "| " + " | ".join(escaping.escape_markdown(column.title) for column in visible) + " |",
        "| " + " | ".join("---:" if column.align_right else "---" for column in visible) + " |",
    ]
    for row in rows:
        cells = (escaping.escape_markdown(_cell_text(row, column)) for column in visible)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def layout_table(
    rows: Sequence[TableRow], columns: Sequence[TableColumn], width: int
) -> TextLayout:
    """The layout of a table of a width in cells, or of records if the table does not fit."""
    visible = [column for column in columns if not column.hidden]
    layouts = [
        ColumnLayout(
            escaping.escape_terminal(c.title),
            align_right=c.align_right,
            wrap=c.wrap,
            priority=c.priority,
        )
        for c in visible
    ]
    cells = [
        [escaping.escape_terminal(_cell_text(row, column)) for column in visible] for row in rows
    ]
    return lay_out_table(layouts, cells, width)


def layout_text(layout: TextLayout) -> "Text":
    """A layout as text for the console, followed by its note about hidden columns."""
    text = rich_text("").append("".join(f"{line}\n" for line in layout.header_lines), "bold")
    text.append("\n".join(layout.body_lines))
    if layout.note:
        text.append(f"\n\n{layout.note}", "dim")
    return text


def _csv_text(rows: Sequence[TableRow], columns: Sequence[TableColumn]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([escaping.escape_formula(column.key) for column in columns])
    for row in rows:
        writer.writerow([_csv_cell(row.get(column.key)) for column in columns])
    return out.getvalue()


def _print_screen_table(rows: Sequence[TableRow], columns: Sequence[TableColumn]) -> None:
    text = layout_text(layout_table(rows, columns, screen_width()))
    # Lines longer than the screen contain commands and paths, which are not wrapped.
    console().print("", text, "", sep="\n", soft_wrap=True)


def _cell_text(row: TableRow, column: TableColumn) -> str:
    value = row.get(column.key)
    return "" if value is None else column.text(value)


def _csv_cell(value: object) -> object:
    if isinstance(value, list | tuple | dict):
        value = json.dumps(_json_value(value))
    return escaping.escape_formula(value)


def _json_text(value: object, *, indent: int | None) -> str:
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("_", "-")
    # A stream replaces letters that its encoding lacks by a question mark; JSON can escape them.
    plain_ascii = encoding not in ("utf-8", "utf8")
    text = json.dumps(_json_value(value), indent=indent, ensure_ascii=plain_ascii, allow_nan=False)
    return escaping.escape_json_controls(text) + "\n"


def _json_value(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    return value


def _write_stdout(text: str) -> None:
    sys.stdout.write(text)
