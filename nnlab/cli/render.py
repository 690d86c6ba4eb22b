"""Lists as tables, JSON, CSV or markdown; text on the screen; escaping."""

import csv
import io
import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnlab.cli.options import Format

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# Wide enough that nothing is cut in a pipe, where no width is known.
_PIPE_WIDTH = 10_000

_UNITS = ("KiB", "MiB", "GiB", "TiB")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the key of its value, the title above it, how a value becomes text.

    JSON and CSV carry the value itself under `key`; `hidden` keeps it out of tables.
    """

    key: str
    title: str
    text: Callable[[Any], str] = str
    right: bool = False
    hidden: bool = False


def console(*, stderr: bool = False) -> "Console":
    """The screen: coloured and as wide as it is on a terminal, plain and unwrapped in a pipe."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    wide = stream.isatty() or "COLUMNS" in os.environ
    return Console(stderr=stderr, width=None if wide else _PIPE_WIDTH, highlight=False)


def show_table(table: "Table") -> None:
    """Prints a table; in a pipe its lines end where their text does."""
    screen = console()
    if screen.is_terminal:
        screen.print(table)
        return
    with screen.capture() as captured:
        screen.print(table)
    _print("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def say(*parts: str, style: str = "") -> None:
    """A line on standard output; text is shown as it is, markup in it does nothing."""
    from rich.text import Text

    console().print(Text(" ".join(parts), style=style), soft_wrap=True)


def note(text: str) -> None:
    """A line on standard error, for what is no result."""
    from rich.text import Text

    console(stderr=True).print(Text(f"note: {text}", style="yellow"), soft_wrap=True)


def bytes_text(size: int) -> str:
    """A size for people.

    >>> bytes_text(0), bytes_text(1536), bytes_text(3 * 2**30)
    ('0 bytes', '1.5 KiB', '3.0 GiB')
    """
    if size < 1024:
        return f"{size} bytes"
    power = min((size.bit_length() - 1) // 10, len(_UNITS))
    return f"{size / 1024**power:,.1f} {_UNITS[power - 1]}"


def render(rows: Sequence[Row], columns: Sequence[Column], how: Format) -> None:
    """Prints a list the way that was asked for."""
    match how:
        case Format.JSON:
            print_json([{c.key: row.get(c.key) for c in columns} for row in rows])
        case Format.CSV:
            _print(_csv(rows, columns))
        case Format.MARKDOWN:
            _print(markdown(rows, columns))
        case Format.TABLE:
            _print_table(rows, columns)


def print_json(value: object) -> None:
    """Prints JSON; NaN and infinities, which it does not have, become null."""
    _print(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_json_line(value: object) -> None:
    """Prints JSON in one line, at once: for programs that read line by line."""
    _print(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def markdown(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """A markdown table; bars in texts are escaped."""
    shown = [column for column in columns if not column.hidden]
    lines = [
        "| " + " | ".join(column.title for column in shown) + " |",
        "| " + " | ".join("---:" if column.right else "---" for column in shown) + " |",
    ]
    for row in rows:
        cells = (_escaped(_text(row, column)) for column in shown)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _csv(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.key for column in columns])
    for row in rows:
        writer.writerow([_cell(row.get(column.key)) for column in columns])
    return out.getvalue()


def _print_table(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    shown = [column for column in columns if not column.hidden]
    for column in shown:
        table.add_column(column.title, justify="right" if column.right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_text(row, column)) for column in shown))
    show_table(table)


def _text(row: Row, column: Column) -> str:
    value = row.get(column.key)
    return "" if value is None else column.text(value)


def _cell(value: object) -> object:
    return json.dumps(_plain(value)) if isinstance(value, list | tuple | dict) else value


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _print(text: str) -> None:
    sys.stdout.write(text)
