"""Lists as tables, JSON, CSV or markdown, and text on the screen, for every command.

Everything printed passes through this module and `nnlab.io.escaping`: stored values may contain
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

from nnlab.cli.options import Format
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

# Wide enough that nothing is cut in a pipe, where no width is known.
_PIPE_WIDTH = 10_000

_BYTE_UNITS = ("KiB", "MiB", "GiB", "TiB")

# A command that may be copied from the screen: a line break would end it early.
_COMMAND_PATTERN = re.compile(r"^next: |\bnnlab [a-z]")

TableRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: the key of its value, the title above it, how a value becomes text.

    JSON and CSV carry the value itself under `key`; `hidden` keeps it out of tables. In a terminal
    that is too narrow the columns of the largest `priority` are left out first, those of 0 never;
    cells are broken between words if `wrap`.
    """

    key: str
    title: str
    text: Callable[[Any], str] = str
    right: bool = False
    hidden: bool = False
    priority: int = 0
    wrap: bool = False


def console(*, stderr: bool = False) -> "Console":
    """The screen: coloured and as wide as it is on a terminal, plain and unwrapped in a pipe."""
    from nnlab.cli.output.safe_console import SafeConsole

    return SafeConsole(stderr=stderr, width=_fixed_width(sys.stderr if stderr else sys.stdout))


def screen_width() -> int:
    """The cells in a line of standard output: of a terminal, or of COLUMNS; no limit in a pipe."""
    return _fixed_width(sys.stdout) or console().width


def _fixed_width(stream: TextIO) -> int | None:
    """The width of a pipe; None where rich finds out the width."""
    return None if stream.isatty() or os.environ.get("COLUMNS", "").isdigit() else _PIPE_WIDTH


def say(*parts: str, style: str = "") -> None:
    """A line on standard output; text is shown as it is, markup in it does nothing.

    A terminal gets it in lines broken between words; a line with a command stays whole.
    """
    _print_prose(console(), " ".join(parts), style)


def note(text: str) -> None:
    """A line on standard error, for what is no result."""
    _print_prose(console(stderr=True), f"note: {text}", "yellow")


def _print_prose(screen: "Console", text: str, style: str) -> None:
    text = escaping.escape_terminal(text)
    if not _COMMAND_PATTERN.search(text):
        text = "\n".join(wrap_text(text, screen.width))
    screen.print(rich_text(text, style), soft_wrap=True)


def rich_text(text: str, style: str = "") -> "Text":
    """Text for the screen without control characters; markup in it does nothing."""
    from rich.text import Text

    # Escaped here and not only by the console: rich deletes some control characters.
    return Text(escaping.escape_terminal(text), style=style)


def format_bytes(size: int) -> str:
    """A size for people.

    >>> bytes_text(0), bytes_text(1536), bytes_text(3 * 2**30)
    ('0 bytes', '1.5 KiB', '3.0 GiB')
    """
    if size < 1024:
        return f"{size} bytes"
    power = min((size.bit_length() - 1) // 10, len(_BYTE_UNITS))
    return f"{size / 1024**power:,.1f} {_BYTE_UNITS[power - 1]}"


def render(rows: Sequence[TableRow], columns: Sequence[TableColumn], how: Format) -> None:
    """Prints a list the way that was asked for."""
    match how:
        case Format.JSON:
            print_json([{c.key: row.get(c.key) for c in columns} for row in rows])
        case Format.CSV:
            _write_stdout(_csv_text(rows, columns))
        case Format.MARKDOWN:
            _write_stdout(markdown_table(rows, columns))
        case Format.TABLE:
            _print_screen_table(rows, columns)


def print_json(value: object) -> None:
    """Prints JSON; NaN and infinities, which it does not have, become null."""
    _write_stdout(_json_text(value, indent=2))


def print_json_line(value: object) -> None:
    """Prints JSON in one line, at once: for programs that read line by line."""
    _write_stdout(_json_text(value, indent=None))
    sys.stdout.flush()


def print_text(text: str) -> None:
    """Prints lines of any origin on standard output as they are, for files and pipes."""
    _write_stdout(escaping.escape_terminal(text))


def print_pairs(pairs: Sequence[tuple[str, str]], *, unbroken: Collection[str] = ()) -> None:
    """Prints titles and values, one below the other.

    Values are broken between words where the terminal is narrow, but not those of the titles in
    `unbroken`: commands and paths, which are copied from the screen.
    """
    heads = [
        ColumnLayout(escaping.escape_terminal(key), wrap=key not in unbroken) for key, _ in pairs
    ]
    values = [escaping.escape_terminal(value) for _, value in pairs]
    text = rich_text("")
    for title, value in lay_out_records(list(zip(heads, values, strict=True)), screen_width()):
        text.append(title, "bold").append(f"{value}\n")
    console().print(text, soft_wrap=True, end="")


def markdown_table(rows: Sequence[TableRow], columns: Sequence[TableColumn]) -> str:
    """A markdown table; markup in texts is escaped."""
    shown = [column for column in columns if not column.hidden]
    lines = [
        "| " + " | ".join(escaping.escape_markdown(column.title) for column in shown) + " |",
        "| " + " | ".join("---:" if column.right else "---" for column in shown) + " |",
    ]
    for row in rows:
        cells = (escaping.escape_markdown(_cell_text(row, column)) for column in shown)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def layout_table(
    rows: Sequence[TableRow], columns: Sequence[TableColumn], width: int
) -> TextLayout:
    """The layout of a table in so many cells, or of its records where it does not fit."""
    shown = [column for column in columns if not column.hidden]
    heads = [
        ColumnLayout(
            escaping.escape_terminal(c.title), right=c.right, wrap=c.wrap, priority=c.priority
        )
        for c in shown
    ]
    cells = [
        [escaping.escape_terminal(_cell_text(row, column)) for column in shown] for row in rows
    ]
    return lay_out_table(heads, cells, width)


def layout_text(layout: TextLayout) -> "Text":
    """A layout as text for the screen, with what is not shown of it."""
    text = rich_text("").append("".join(f"{line}\n" for line in layout.head), "bold")
    text.append("\n".join(layout.body))
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
    # Lines that are longer than the screen are commands and paths: no line break is put into them.
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
    # A stream that has no sign for a letter would replace it by a question mark.
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
