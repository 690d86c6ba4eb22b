"""Writes paper tables as LaTeX, HTML, Markdown and CSV, with all text escaped."""

import csv
import io
from collections.abc import Sequence

from nnlab.io.escaping import escape_formula, escape_html, escape_latex, escape_markdown
from nnlab.report.latex_text import notes_below, plain_tex
from nnlab.report.latex_width import table_environment
from nnlab.report.measured_cell import MeasuredCell
from nnlab.report.paper_table import PaperTable
from nnlab.stats.number_columns import NO_NUMBER, WrittenNumber
from nnlab.version import nnlab_version

_SISETUP = (
    r"\sisetup{uncertainty-mode=separate, table-align-uncertainty=true, mode=match,"
    r" reset-text-series=false, text-series-to-math=true}"
)


def table_as_latex(table: PaperTable, command: str = "") -> str:
    r"""A LaTeX table with booktabs rules and numbers aligned by siunitx (version 3).

    The environment is `table*` if the table is wider than a column of a two-column paper.
    """
    spans = _group_spans(table)
    column_types = "l" * len(table.row_headings) + "".join(
        map(_column_kind, _cells_by_column(table))
    )
    environment, size = table_environment(_texts_by_column(table))
    lines = [
        f"% made by nnlab {nnlab_version()}{': ' + ' '.join(command.split()) if command else ''}",
        r"% \usepackage{booktabs} and \usepackage{siunitx} (version 3) in the preamble",
        rf"\begin{{{environment}}}",
        rf"  \centering{size}",
        rf"  \caption{{{escape_latex(table.caption)}}}",
        rf"  \label{{{plain_tex(table.label)}}}",
        r"  \par\smallskip",
        f"  {_SISETUP}",
        rf"  \begin{{tabular}}{{{column_types}}}",
        r"    \toprule",
    ]
    if spans:
        heads = [
            rf"\multicolumn{{{last - first + 1}}}{{c}}{{{escape_latex(n)}}}"
            for n, first, last in spans
        ]
        lines.append("    " + " & ".join([""] * len(table.row_headings) + heads).strip() + r" \\")
        lines.append("    " + " ".join(rf"\cmidrule(lr){{{a}-{b}}}" for _, a, b in spans))
    heads = [
        *map(escape_latex, table.row_headings),
        *(f"{{{escape_latex(name)}}}" for name in table.columns),
    ]
    lines += ["    " + " & ".join(heads) + r" \\", r"    \midrule"]
    columns = _cells_by_column(table)
    lines += [
        "    " + " & ".join([*map(escape_latex, texts), *map(_latex_cell, cells, columns)]) + r" \\"
        for texts, cells in table.rows
    ]
    lines += [r"    \bottomrule", r"  \end{tabular}", *notes_below(table.notes)]
    lines.append(rf"\end{{{environment}}}")
    return "\n".join(lines) + "\n"


def _group_spans(table: PaperTable) -> list[tuple[str, int, int]]:
    """Each group with its first and last column, counted from 1."""
    spans, column = [], len(table.row_headings) + 1
    for name, span in table.groups:
        spans.append((name, column, column + span - 1))
        column += span
    return spans


def _texts_by_column(table: PaperTable) -> list[list[str]]:
    headings = [
        [name, *(texts[index] for texts, _ in table.rows)]
        for index, name in enumerate(table.row_headings)
    ]
    cells = zip(table.columns, _cells_by_column(table), strict=True)
    return headings + [[name, *(cell.text if cell else "" for cell in c)] for name, c in cells]


def _cells_by_column(table: PaperTable) -> list[list[MeasuredCell | None]]:
    return [[cells[i] for _, cells in table.rows] for i, _ in enumerate(table.columns)]


def _column_kind(cells: Sequence[MeasuredCell | None]) -> str:
    """An S column wide enough for its longest number; centred if all have a power of ten."""
    numbers = _plain_numbers(cells)
    if not numbers:
        return "c"
    spreads = [number.spread for number in numbers if number.spread not in (None, "0")]
    digits = max((len(s.replace(".", "").lstrip("0")) for s in spreads if s), default=0)
    uncertain = f"({digits})" if digits else ""
    sign = "-" if any(number.value.startswith("-") for number in numbers) else ""
    return f"S[table-format={sign}{_whole_digits(numbers)}.{_decimals(numbers)}{uncertain}]"


def _plain_numbers(cells: Sequence[MeasuredCell | None]) -> list[WrittenNumber]:
    numbers = [cell.number for cell in cells if cell is not None]
    return [number for number in numbers if number.is_number and not number.power]


def _whole_digits(numbers: Sequence[WrittenNumber]) -> int:
    return max(len(number.value.lstrip("-").partition(".")[0]) for number in numbers)


def _decimals(numbers: Sequence[WrittenNumber]) -> int:
    return max(len(number.value.partition(".")[2]) for number in numbers)


def _latex_cell(cell: MeasuredCell | None, column: Sequence[MeasuredCell | None]) -> str:
    if cell is None:
        return "{--}"
    number = cell.number
    if not number.is_number:
        return f"{{{escape_latex(number.value)}}}"
    bold = r"\bfseries " if cell.bold else ""
    text = number.value if number.spread is None else f"{number.value} +- {number.spread}"
    if number.power:
        powered = rf"\num{{{text} e{number.power}}}"
        return f"{{{bold}{powered}}}" if _plain_numbers(column) else f"{bold}{powered}"
    if number.spread == "0":
        return _latex_exact_cell(number, _plain_numbers(column), bold=cell.bold)
    return f"{bold}{text}"


def _latex_exact_cell(number: WrittenNumber, column: Sequence[WrittenNumber], *, bold: bool) -> str:
    """A cell without spread: siunitx omits an uncertainty of 0, so that ± is written out."""
    missing = _whole_digits(column) - _whole_digits([number])
    decimals = _decimals([number]) if any(n.spread not in (None, "0") for n in column) else 0
    before = rf"\phantom{{{'0' * missing}}}" if missing else ""
    after = rf"\phantom{{.{'0' * decimals}}}" if decimals else ""
    value, zero = (rf"\mathbf{{{n}}}" if bold else n for n in (number.value, "0"))
    return rf"{{${before}{value} \pm {zero}{after}$}}"


def table_as_html(table: PaperTable) -> str:
    """An HTML `table` element without styles; the best cells are in `strong`."""
    lines = ["<table>", f"<caption>{escape_html(table.caption)}</caption>", "<thead>"]
    if table.groups:
        heads = "".join(
            f'<th scope="colgroup" colspan="{span}">{escape_html(name)}</th>'
            for name, span in table.groups
        )
        lines.append(f"<tr>{'<td></td>' * len(table.row_headings)}{heads}</tr>")
    heads = "".join(
        f'<th scope="col">{escape_html(name)}</th>'
        for name in (*table.row_headings, *table.columns)
    )
    lines += [f"<tr>{heads}</tr>", "</thead>", "<tbody>"]
    for texts, cells in table.rows:
        row = "".join(f'<th scope="row">{escape_html(text)}</th>' for text in texts)
        row += "".join(f"<td>{_html_cell(cell)}</td>" for cell in cells)
        lines.append(f"<tr>{row}</tr>")
    lines.append("</tbody>")
    if table.notes:
        width = len(table.row_headings) + len(table.columns)
        notes = escape_html(" ".join(table.notes))
        lines.append(f'<tfoot><tr><td colspan="{width}">{notes}</td></tr></tfoot>')
    return "\n".join([*lines, "</table>"]) + "\n"


def _html_cell(cell: MeasuredCell | None) -> str:
    if cell is None:
        return NO_NUMBER  # nothing was measured
    return f"<strong>{escape_html(cell.text)}</strong>" if cell.bold else escape_html(cell.text)


def table_as_markdown(table: PaperTable) -> str:
    """A Markdown table with its caption and notes below; the best cells are bold."""
    names = [*table.row_headings, *full_names(table)]
    alignment = [*(["---"] * len(table.row_headings)), *(["---:"] * len(table.columns))]
    lines = [
        _markdown_row([escape_markdown(name) or " " for name in names]),
        _markdown_row(alignment),
    ]
    lines += [
        _markdown_row([*(escape_markdown(text) for text in texts), *map(_markdown_cell, cells)])
        for texts, cells in table.rows
    ]
    notes = ["", escape_markdown(" ".join(table.notes))] if table.notes else []
    return "\n".join([*lines, "", escape_markdown(table.caption), *notes]) + "\n"


def full_names(table: PaperTable) -> list[str]:
    """The names of the columns, preceded by the names of their groups."""
    group_names = [name for name, span in table.groups for _ in range(span)]
    if not group_names:
        return list(table.columns)
    if len(set(table.columns)) == 1:
        return group_names
    return [f"{group}: {name}" for group, name in zip(group_names, table.columns, strict=True)]


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: MeasuredCell | None) -> str:
    if cell is None:
        return ""
    return f"**{cell.text}**" if cell.bold else cell.text


def table_as_csv(table: PaperTable) -> str:
    """The table as CSV: means, half widths and marks in separate columns, with full precision."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = full_names(table)
    parts = [f"{name}{part}" for name in names for part in ("", " half width", " best")]
    writer.writerow(map(escape_formula, [*table.row_headings, *parts]))
    for texts, cells in table.rows:
        values: list[object] = []
        for cell in cells:
            if cell is None:
                values += [None, None, None]
            else:
                has_interval = cell.half_width == cell.half_width
                values += [cell.value, cell.half_width if has_interval else None, cell.bold]
        writer.writerow([*map(escape_formula, texts), *values])
    return buffer.getvalue()
