"""Writes tables as Typst figures with the rules of booktabs, with all text escaped."""

import re
from collections.abc import Sequence

from nnlab.io.escaping import escape_typst
from nnlab.report.paper_table import PaperTable
from nnlab.report.text_table import TextCell, TextTable, hidden_paddings
from nnlab.version import nnlab_version

# The widths of booktabs' rules, in the size of the font.
_HEAVY_RULE, _LIGHT_RULE, _GROUP_RULE = "0.08em", "0.05em", "0.03em"


def table_as_typst(table: PaperTable, command: str = "") -> str:
    """A ranking as a Typst figure; the best cells are bold.

    Args:
        table: the table.
        command: the command line that made it, for a comment.
    """
    stub = len(table.row_headings)
    header: list[str] = []
    if table.groups:
        heads = [
            f"table.cell(colspan: {span}, align: center)[{escape_typst(name)}]"
            for name, span in table.groups
        ]
        header.append("      " + ", ".join(["[]"] * stub + heads) + ",")
        header.append("      " + " ".join(_group_rules(table.groups, stub)))
    header.append("      " + _cells([*table.row_headings, *table.columns]))
    rows = [
        _row(
            [
                *(TextCell(text) for text in texts),
                *(
                    TextCell("–")  # noqa: RUF001  an en dash: nothing was measured
                    if cell is None
                    else TextCell(cell.text, bold=cell.bold)
                    for cell in cells
                ),
            ]
        )
        for texts, cells in table.rows
    ]
    alignments = ["left"] * stub + ["right"] * len(table.columns)
    return _figure(alignments, header, rows, table.caption, table.label, command)


def text_table_as_typst(table: TextTable, command: str = "") -> str:
    """A text table as a Typst figure; see `table_as_typst`."""
    rows = [
        _row(row, paddings)
        for row, paddings in zip(table.rows, hidden_paddings(table), strict=True)
    ]
    if 0 < table.leading_rows < len(rows):
        rows.insert(table.leading_rows, f"    table.hline(stroke: {_LIGHT_RULE}),")
    alignments = ["right" if column.align_right else "left" for column in table.columns]
    header = ["      " + _cells([column.heading for column in table.columns])]
    return _figure(alignments, header, rows, table.caption, table.label, command)


def _figure(
    alignments: Sequence[str],
    header: Sequence[str],
    rows: Sequence[str],
    caption: str,
    label: str,
    command: str,
) -> str:
    comment = " ".join(
        f"made by nnlab {nnlab_version()}{': ' + command if command else ''}".split()
    )
    lines = [
        f"// {comment}",
        "#figure(",
        "  table(",
        f"    columns: {len(alignments)},",
        f"    align: ({', '.join(alignments)},),",
        "    stroke: none,",
        f"    table.hline(stroke: {_HEAVY_RULE}),",
        "    table.header(",
        *header,
        "    ),",
        f"    table.hline(stroke: {_LIGHT_RULE}),",
        *rows,
        f"    table.hline(stroke: {_HEAVY_RULE}),",
        "  ),",
        f"  caption: figure.caption(position: top)[{escape_typst(caption)}],",
        f") <{_typst_label(label)}>",
    ]
    return "\n".join(lines) + "\n"


def _group_rules(groups: Sequence[tuple[str, int]], first: int) -> list[str]:
    """A rule below each group of columns; columns are counted from 0."""
    rules = []
    for _, span in groups:
        rules.append(f"table.hline(start: {first}, end: {first + span}, stroke: {_GROUP_RULE}),")
        first += span
    return rules


def _cells(texts: Sequence[str]) -> str:
    return " ".join(f"[{escape_typst(text)}]," for text in texts)


def _row(cells: Sequence[TextCell], paddings: Sequence[str] = ()) -> str:
    texts = map(_cell, cells, paddings or [""] * len(cells))
    return "    " + " ".join(f"{text}," for text in texts)


def _cell(cell: TextCell, padding: str) -> str:
    text = escape_typst(cell.text)
    if padding:
        text += f"#hide[{padding}]"
    return f"[*{text}*]" if cell.bold and text else f"[{text}]"


def _typst_label(label: str) -> str:
    """A label with the characters that Typst allows.

    >>> _typst_label("tab:50 %")
    'tab:50'
    """
    return re.sub(r"[^\w:.-]+", "-", label).strip("-") or "tab:results"
