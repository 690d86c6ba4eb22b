"""Writes tables as Typst figures with the rules of booktabs, with all text escaped."""

import re
from collections.abc import Sequence

from nnlab.io.escaping import escape_typst
from nnlab.report.measured_cell import MeasuredCell
from nnlab.report.paper_table import PaperTable
from nnlab.report.text_table import (
    TextCell,
    TextColumn,
    TextTable,
    hidden_paddings,
    typeset_number,
)
from nnlab.stats.number_columns import NO_NUMBER
from nnlab.version import nnlab_version

# The widths of booktabs' rules, in the size of the font.
_HEAVY_RULE, _LIGHT_RULE, _GROUP_RULE = "0.08em", "0.05em", "0.03em"
_NOTE_SIZE = "0.8em"


def table_as_typst(table: PaperTable, command: str = "") -> str:
    """A ranking as a Typst figure; the best cells are bold.

    Args:
        table: the table.
        command: the command line that made it, for a comment.
    """
    columns = (
        *(TextColumn(name) for name in table.row_headings),
        *(TextColumn(name, align_right=True) for name in table.columns),
    )
    rows = tuple(
        (*(TextCell(text) for text in texts), *map(_text_cell, cells))
        for texts, cells in table.rows
    )
    text_table = TextTable(columns, rows, table.caption, table.label, notes=table.notes)
    return text_table_as_typst(text_table, command, table.groups)


def _text_cell(cell: MeasuredCell | None) -> TextCell:
    if cell is None:
        return TextCell(NO_NUMBER)
    return TextCell(typeset_number(cell.text), bold=cell.bold)


def text_table_as_typst(
    table: TextTable, command: str = "", groups: Sequence[tuple[str, int]] = ()
) -> str:
    """A text table as a Typst figure.

    Args:
        table: the table.
        command: the command line that made it, for a comment.
        groups: names of groups of columns and their numbers of columns; the groups comprise the
            last columns.
    """
    comment = " ".join(
        f"made by nnlab {nnlab_version()}{': ' + command if command else ''}".split()
    )
    alignments = ", ".join("right" if column.align_right else "left" for column in table.columns)
    rows = [
        "    " + " ".join(map(_cell, row, paddings))
        for row, paddings in zip(table.rows, hidden_paddings(table), strict=True)
    ]
    if 0 < table.leading_rows < len(rows):
        rows.insert(table.leading_rows, f"    table.hline(stroke: {_LIGHT_RULE}),")
    lines = [
        f"// {comment}",
        "#figure(",
        "  kind: table,",
        f"  caption: figure.caption(position: top)[{escape_typst(table.caption)}],",
        "  [#table(",
        f"    columns: {len(table.columns)},",
        f"    align: ({alignments},),",
        "    stroke: none,",
        f"    table.hline(stroke: {_HEAVY_RULE}),",
        "    table.header(",
        *(_group_header(groups, len(table.columns)) if groups else []),
        "      " + " ".join(f"[{escape_typst(column.heading)}]," for column in table.columns),
        "    ),",
        f"    table.hline(stroke: {_LIGHT_RULE}),",
        *rows,
        f"    table.hline(stroke: {_HEAVY_RULE}),",
        "  )",
        *_notes(table),
        "  ],",
        f") <{_typst_label(table.label)}>",
    ]
    return "\n".join(lines) + "\n"


def _notes(table: TextTable) -> list[str]:
    """The notes as a small paragraph below the table."""
    if not table.notes:
        return []
    text = escape_typst(" ".join(table.notes))
    return [f"  #align(left, text(size: {_NOTE_SIZE})[{text}])"]


def _group_header(groups: Sequence[tuple[str, int]], columns: int) -> list[str]:
    """The names of the groups, and a rule below each."""
    first = columns - sum(span for _, span in groups)
    cells = ["[],"] * first
    rules = []
    for name, span in groups:
        cells.append(f"table.cell(colspan: {span}, align: center)[{escape_typst(name)}],")
        rules.append(f"table.hline(start: {first}, end: {first + span}, stroke: {_GROUP_RULE}),")
        first += span
    return ["      " + " ".join(cells), "      " + " ".join(rules)]


def _cell(cell: TextCell, padding: str) -> str:
    text = escape_typst(cell.text)
    if padding:
        text += f"#hide[{padding}]"
    return f"[*{text}*]," if cell.bold and text else f"[{text}],"


def _typst_label(label: str) -> str:
    """A label with the characters that Typst allows.

    >>> _typst_label("tab:50 %")
    'tab:50'
    """
    return re.sub(r"[^\w:.-]+", "-", label).strip("-") or "tab:results"
