"""Writes text tables as LaTeX, HTML and Markdown, with all text escaped."""

from nnlab.io.escaping import escape_html, escape_latex, escape_markdown
from nnlab.report.latex_text import notes_below, plain_tex
from nnlab.report.latex_width import table_environment
from nnlab.report.text_table import TextCell, TextTable, hidden_paddings
from nnlab.version import nnlab_version


def text_table_as_latex(table: TextTable, command: str = "") -> str:
    """A LaTeX `table` with booktabs rules; `table*` if it is wider than a column of two.

    Args:
        table: the table.
        command: the command line that made it, for a comment.
    """
    column_types = "".join("r" if column.align_right else "l" for column in table.columns)
    environment, size = table_environment(
        [column.heading, *(row[index].text for row in table.rows)]
        for index, column in enumerate(table.columns)
    )
    lines = [
        f"% made by nnlab {nnlab_version()}{': ' + ' '.join(command.split()) if command else ''}",
        r"% \usepackage{booktabs} in the preamble",
        rf"\begin{{{environment}}}",
        rf"  \centering{size}",
        rf"  \caption{{{escape_latex(table.caption)}}}",
        rf"  \label{{{plain_tex(table.label)}}}",
        r"  \par\smallskip",
        rf"  \begin{{tabular}}{{{column_types}}}",
        r"    \toprule",
        "    " + " & ".join(escape_latex(column.heading) for column in table.columns) + r" \\",
        r"    \midrule",
    ]
    for index, (row, paddings) in enumerate(zip(table.rows, hidden_paddings(table), strict=True)):
        if index and index == table.leading_rows:
            lines.append(r"    \midrule")
        lines.append("    " + " & ".join(map(_latex_cell, row, paddings)) + r" \\")
    lines += [r"    \bottomrule", r"  \end{tabular}", *notes_below(table.notes)]
    lines.append(rf"\end{{{environment}}}")
    return "\n".join(lines) + "\n"


def _latex_cell(cell: TextCell, padding: str) -> str:
    text = escape_latex(cell.text)
    if padding:
        text += rf"\phantom{{{escape_latex(padding)}}}"
    # A row that begins with a bracket would be read as the argument of the line break before it.
    text = f"{{{text}}}" if text.startswith("[") else text
    return rf"\textbf{{{text}}}" if cell.bold and text else text


def text_table_as_html(table: TextTable) -> str:
    """An HTML `table` element; cells are aligned by inline styles."""
    lines = ["<table>", f"<caption>{escape_html(table.caption)}</caption>", "<thead>"]
    heads = "".join(
        f'<th scope="col"{_alignment(right=column.align_right)}>{escape_html(column.heading)}</th>'
        for column in table.columns
    )
    lines += [f"<tr>{heads}</tr>", "</thead>", "<tbody>"]
    for index, row in enumerate(table.rows):
        if index and index == table.leading_rows:
            lines += ["</tbody>", "<tbody>"]
        first, *others = row
        cells = f'<th scope="row">{_html_cell(first)}</th>' + "".join(
            f"<td{_alignment(right=column.align_right)}>{_html_cell(cell)}</td>"
            for column, cell in zip(table.columns[1:], others, strict=True)
        )
        lines.append(f"<tr>{cells}</tr>")
    lines.append("</tbody>")
    if table.notes:
        notes = escape_html(" ".join(table.notes))
        lines.append(f'<tfoot><tr><td colspan="{len(table.columns)}">{notes}</td></tr></tfoot>')
    return "\n".join([*lines, "</table>"]) + "\n"


def _alignment(*, right: bool) -> str:
    return ' style="text-align: right"' if right else ""


def _html_cell(cell: TextCell) -> str:
    text = escape_html(cell.text)
    return f"<strong>{text}</strong>" if cell.bold and text else text


def text_table_as_markdown(table: TextTable) -> str:
    """A Markdown table with its caption and notes below; bold cells are bold."""
    lines = [
        _markdown_row([escape_markdown(column.heading) or " " for column in table.columns]),
        _markdown_row(["---:" if column.align_right else "---" for column in table.columns]),
        *(_markdown_row([_markdown_cell(cell) for cell in row]) for row in table.rows),
    ]
    notes = ["", escape_markdown(" ".join(table.notes))] if table.notes else []
    return "\n".join([*lines, "", escape_markdown(table.caption), *notes]) + "\n"


def _markdown_row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: TextCell) -> str:
    text = escape_markdown(cell.text)
    return f"**{text}**" if cell.bold and text else text
