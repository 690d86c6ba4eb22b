"""The layout of tables and records in lines of text that fit a width."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

_MIN_WRAPPED_WIDTH = 24


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """How a column is laid out.

    Columns with a `priority` above 0 are dropped where the table is too wide, the largest number
    first. Only the cells of a column with `wrap` may be broken, between words.
    """

    title: str
    right: bool = False
    wrap: bool = False
    priority: int = 0


@dataclass(frozen=True, slots=True)
class TextLayout:
    """A table or records as text: lines above the rule in bold, then the others.

    `note` says which columns are not shown and how to see them; it is empty where all are shown.
    """

    head: tuple[str, ...]
    body: tuple[str, ...]
    note: str = ""


@dataclass(slots=True)
class _MeasuredColumn:
    head: ColumnLayout
    cells: list[list[str]] = field(default_factory=list)
    natural_width: int = 0
    minimum: int = 0


def lay_out_table(
    heads: Sequence[ColumnLayout], rows: Sequence[Sequence[str]], width: int
) -> TextLayout:
    """A table at most `width` cells wide, or a record for each row where that is impossible.

    Args:
        heads: the columns.
        rows: the cells of each row, as many as there are columns.
        width: of the terminal, in cells.
    """
    columns = [_measure_column(head, [row[i] for row in rows]) for i, head in enumerate(heads)]
    full = _total_width([column.natural_width for column in columns], gap=3)
    if full <= width:
        return _table_layout(columns, [column.natural_width for column in columns], gap=3)
    shown = _fitting_columns(columns, width)
    if shown is None:
        lines: list[str] = []
        for row in rows:
            pairs = [(h, cell) for h, cell in zip(heads, row, strict=True) if cell]
            lines += [""] if lines else []
            lines += [(title + value).rstrip() for title, value in lay_out_records(pairs, width)]
        return TextLayout((), tuple(lines))
    layout = _table_layout(shown, _assign_widths(shown, width), gap=2)
    hidden = [column.head.title for column in columns if not any(column is c for c in shown)]
    if not hidden:
        return layout
    note = (
        f"not shown: {', '.join(hidden)} (a terminal of {full} columns shows all, and so does a"
        " pipe: | less -S)"
    )
    return replace(layout, note="\n".join(wrap_text(note, width)))


def lay_out_records(pairs: Sequence[tuple[ColumnLayout, str]], width: int) -> list[tuple[str, str]]:
    """Lines for titles and values, each in two parts: the title or spaces, and the value.

    Prose is continued below itself. A value that cannot be broken may be longer than `width`: the
    terminal wraps it, so that it stays one line for who copies it.
    """
    labels = max((_cell_width(head.title) for head, _ in pairs), default=0) + 2
    lines = []
    for head, value in pairs:
        parts = wrap_text(value, width - labels) if head.wrap else value.split("\n")
        label = head.title + " " * (labels - _cell_width(head.title))
        if labels + max(map(_cell_width, parts)) > width:
            parts = wrap_text(value, width - 2) if head.wrap else parts
            lines += [(head.title, ""), *(("  ", part) for part in parts)]
        else:
            lines += [(label, parts[0]), *((" " * labels, part) for part in parts[1:])]
    return lines


def wrap_text(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells, broken at spaces only: words stay whole."""
    lines = []
    for line in text.split("\n"):
        if _cell_width(line) <= width:
            lines.append(line)
            continue
        current = ""
        for word in line.split():
            if current and _cell_width(current) + 1 + _cell_width(word) > width:
                lines.append(current)
                current = word
            else:
                current = f"{current} {word}" if current else word
        lines.append(current)
    return lines


def _cell_width(text: str) -> int:
    """How many cells of a terminal a text takes: wide letters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _measure_column(head: ColumnLayout, cells: Sequence[str]) -> _MeasuredColumn:
    column = _MeasuredColumn(head, [cell.split("\n") for cell in cells])
    widths = [_cell_width(line) for cell in column.cells for line in cell]
    column.natural_width = max([_cell_width(head.title), *widths])
    # A title is broken between its words where that makes its column narrower.
    words = head.title.split()
    if head.wrap:
        words += [word for cell in cells for word in cell.split()]
        longest = max(map(_cell_width, words), default=0)
        column.minimum = min(column.natural_width, max(longest, _MIN_WRAPPED_WIDTH))
    else:
        column.minimum = max([*map(_cell_width, words), *widths], default=0)
    return column


def _total_width(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1) + 2


def _fitting_columns(
    columns: Sequence[_MeasuredColumn], width: int
) -> list[_MeasuredColumn] | None:
    """The columns that fit, after those of least importance were dropped; None if none do."""
    shown = list(columns)
    while _total_width([column.minimum for column in shown], gap=2) > width:
        droppable = [i for i, column in enumerate(shown) if column.head.priority]
        if not droppable:
            return None
        ranks = {i: (_is_empty(shown[i]), shown[i].head.priority) for i in droppable}
        del shown[max(droppable, key=ranks.__getitem__)]
    return shown


def _is_empty(column: _MeasuredColumn) -> bool:
    return not any(line for cell in column.cells for line in cell)


def _assign_widths(columns: Sequence[_MeasuredColumn], width: int) -> list[int]:
    """What each column gets: its minimum, and of the rest what it needs, small needs first."""
    widths = [column.minimum for column in columns]
    left = width - _total_width(widths, gap=2)
    wishes = sorted(range(len(columns)), key=lambda i: columns[i].natural_width - widths[i])
    for rank, i in enumerate(wishes):
        share = left // (len(wishes) - rank)
        more = min(columns[i].natural_width - widths[i], share)
        widths[i] += more
        left -= more
    return widths


def _table_layout(
    columns: Sequence[_MeasuredColumn], widths: Sequence[int], gap: int
) -> TextLayout:
    rights = [column.head.right for column in columns]
    titles = [wrap_text(c.head.title, w) for c, w in zip(columns, widths, strict=True)]
    deepest = max((len(title) for title in titles), default=0)
    titles = [[""] * (deepest - len(title)) + title for title in titles]
    head = _row_lines(titles, widths, rights, gap)
    body = []
    for row in range(len(columns[0].cells) if columns else 0):
        cells = [
            [
                part
                for line in c.cells[row]
                for part in (wrap_text(line, w) if c.head.wrap else [line])
            ]
            for c, w in zip(columns, widths, strict=True)
        ]
        body += _row_lines(cells, widths, rights, gap)
    rule = " " + "─" * (_total_width(widths, gap) - 2)
    return TextLayout(tuple(head), (rule, *body))


def _row_lines(
    cells: Sequence[Sequence[str]], widths: Sequence[int], rights: Sequence[bool], gap: int
) -> list[str]:
    """The lines of one row, as many as its deepest cell has."""
    lines = []
    for depth in range(max(map(len, cells), default=0)):
        parts = []
        for cell, width, right in zip(cells, widths, rights, strict=True):
            text = cell[depth] if depth < len(cell) else ""
            fill = " " * (width - _cell_width(text))
            parts.append(fill + text if right else text + fill)
        lines.append((" " + (" " * gap).join(parts)).rstrip())
    return lines
