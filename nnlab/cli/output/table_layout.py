"""Layout of tables and records as lines of text that fit a width."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

_MIN_WRAPPED_WIDTH = 24


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """Layout of a column.

    If the table is too wide, columns with a `priority` above 0 are dropped, the largest priority
    first. Only the cells of a column with `wrap` are wrapped, between words.
    """

    title: str
    align_right: bool = False
    wrap: bool = False
    priority: int = 0


@dataclass(frozen=True, slots=True)
class TextLayout:
    """A table or records as text: the header is printed in bold, then the body.

    `note` lists the hidden columns and says how to see them; it is empty if all are visible.
    """

    header_lines: tuple[str, ...]
    body_lines: tuple[str, ...]
    note: str = ""


@dataclass(slots=True)
class _MeasuredColumn:
    layout: ColumnLayout
    cells: list[list[str]] = field(default_factory=list)
    natural_width: int = 0
    minimum_width: int = 0


def lay_out_table(
    layouts: Sequence[ColumnLayout], rows: Sequence[Sequence[str]], width: int
) -> TextLayout:
    """A table at most `width` cells wide, or one record per row if no table fits.

    Args:
        layouts: the columns.
        rows: the cells of each row, one per column.
        width: width of the terminal in cells.
    """
    columns = [_measure_column(c, [row[i] for row in rows]) for i, c in enumerate(layouts)]
    full_width = _total_width([column.natural_width for column in columns], gap=3)
    if full_width <= width:
        return _table_layout(columns, [column.natural_width for column in columns], gap=3)
    visible = _fitting_columns(columns, width)
    if visible is None:
        lines: list[str] = []
        for row in rows:
            pairs = [(column, cell) for column, cell in zip(layouts, row, strict=True) if cell]
            lines += [""] if lines else []
            lines += [(title + value).rstrip() for title, value in lay_out_records(pairs, width)]
        return TextLayout((), tuple(lines))
    layout = _table_layout(visible, _assign_widths(visible, width), gap=2)
    hidden = [column.layout.title for column in columns if not any(column is c for c in visible)]
    if not hidden:
        return layout
    note = (
        f"not shown: {', '.join(hidden)} (visible in a terminal of {full_width} columns, or in"
        " a pipe: | less -S)"
    )
    return replace(layout, note="\n".join(wrap_text(note, width)))


def lay_out_records(pairs: Sequence[tuple[ColumnLayout, str]], width: int) -> list[tuple[str, str]]:
    """The lines of titles and values, each a pair: the title or spaces, and a line of the value.

    A value without `wrap` may exceed `width`: the terminal wraps it, so that it can be copied as
    one line.
    """
    label_width = max((_cell_width(column.title) for column, _ in pairs), default=0) + 2
    lines = []
    for column, value in pairs:
        parts = wrap_text(value, width - label_width) if column.wrap else value.split("\n")
        label = column.title + " " * (label_width - _cell_width(column.title))
        if label_width + max(map(_cell_width, parts)) > width:
            parts = wrap_text(value, width - 2) if column.wrap else parts
            lines += [(column.title, ""), *(("  ", part) for part in parts)]
        else:
            lines += [(label, parts[0]), *((" " * label_width, part) for part in parts[1:])]
    return lines


def wrap_text(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells, wrapped at spaces; words are not split.

    The lines of a wrapped line have the indentation of its start.
    """
    lines = []
    for line in text.split("\n"):
        if _cell_width(line) <= width:
            lines.append(line)
            continue
        indent = line[: len(line) - len(line.lstrip(" "))]
        current = ""
        for word in line.split():
            if current and _cell_width(current) + 1 + _cell_width(word) > width:
                lines.append(current)
                current = ""
            current = f"{current} {word}" if current else indent + word
        lines.append(current)
    return lines


def _cell_width(text: str) -> int:
    """The number of terminal cells of a text; wide letters occupy two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _measure_column(layout: ColumnLayout, cells: Sequence[str]) -> _MeasuredColumn:
    column = _MeasuredColumn(layout, [cell.split("\n") for cell in cells])
    widths = [_cell_width(line) for cell in column.cells for line in cell]
    column.natural_width = max([_cell_width(layout.title), *widths])
    # A title is wrapped if that makes its column narrower.
    words = layout.title.split()
    if layout.wrap:
        words += [word for cell in cells for word in cell.split()]
        longest = max(map(_cell_width, words), default=0)
        column.minimum_width = min(column.natural_width, max(longest, _MIN_WRAPPED_WIDTH))
    else:
        column.minimum_width = max([*map(_cell_width, words), *widths], default=0)
    return column


def _total_width(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1) + 2


def _fitting_columns(
    columns: Sequence[_MeasuredColumn], width: int
) -> list[_MeasuredColumn] | None:
    """The columns that fit after dropping the least important ones; None if they never fit."""
    visible = list(columns)
    while _total_width([column.minimum_width for column in visible], gap=2) > width:
        droppable = [i for i, column in enumerate(visible) if column.layout.priority]
        if not droppable:
            return None
        ranks = {i: (_is_empty(visible[i]), visible[i].layout.priority) for i in droppable}
        del visible[max(droppable, key=ranks.__getitem__)]
    return visible


def _is_empty(column: _MeasuredColumn) -> bool:
    return not any(line for cell in column.cells for line in cell)


def _assign_widths(columns: Sequence[_MeasuredColumn], width: int) -> list[int]:
    """The width of each column: its minimum plus a share of the rest, smallest needs first."""
    widths = [column.minimum_width for column in columns]
    remaining = width - _total_width(widths, gap=2)
    needs = sorted(range(len(columns)), key=lambda i: columns[i].natural_width - widths[i])
    for rank, i in enumerate(needs):
        share = remaining // (len(needs) - rank)
        extra = min(columns[i].natural_width - widths[i], share)
        widths[i] += extra
        remaining -= extra
    return widths


def _table_layout(
    columns: Sequence[_MeasuredColumn], widths: Sequence[int], gap: int
) -> TextLayout:
    rights = [column.layout.align_right for column in columns]
    titles = [wrap_text(c.layout.title, w) for c, w in zip(columns, widths, strict=True)]
    height = max((len(title) for title in titles), default=0)
    titles = [[""] * (height - len(title)) + title for title in titles]
    header = _row_lines(titles, widths, rights, gap)
    body = []
    for row in range(len(columns[0].cells) if columns else 0):
        cells = [
            [
                part
                for line in c.cells[row]
                for part in (wrap_text(line, w) if c.layout.wrap else [line])
            ]
            for c, w in zip(columns, widths, strict=True)
        ]
        body += _row_lines(cells, widths, rights, gap)
    rule = " " + "─" * (_total_width(widths, gap) - 2)
    return TextLayout(tuple(header), (rule, *body))


def _row_lines(
    cells: Sequence[Sequence[str]], widths: Sequence[int], rights: Sequence[bool], gap: int
) -> list[str]:
    """The lines of one row: as many as its highest cell has."""
    lines = []
    for line in range(max(map(len, cells), default=0)):
        parts = []
        for cell, width, right in zip(cells, widths, rights, strict=True):
            text = cell[line] if line < len(cell) else ""
            fill = " " * (width - _cell_width(text))
            parts.append(fill + text if right else text + fill)
        lines.append((" " + (" " * gap).join(parts)).rstrip())
    return lines
