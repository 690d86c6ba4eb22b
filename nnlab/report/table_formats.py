"""Tables of a paper in LaTeX, HTML, Markdown and CSV; every text in them is escaped."""

import csv
import io
from collections.abc import Sequence

import nnlab
from nnlab.io.escaping import escape_formula, escape_html, escape_latex, escape_markdown
from nnlab.report.paper_table import MeasuredCell, PaperTable

_SISETUP = (
    r"\sisetup{uncertainty-mode=separate, table-align-uncertainty=true, mode=match,"
    r" reset-text-series=false, text-series-to-math=true}"
)


def table_as_latex(table: PaperTable, command: str = "") -> str:
    r"""A `table` with booktabs rules, numbers aligned by siunitx (version 3)."""
    spans = _group_spans(table)
    kinds = "l" * len(table.row_headings) + "".join(map(_column_kind, _cells_by_column(table)))
    lines = [
        f"% made by nnlab {nnlab.__version__}{': ' + _plain_tex(command) if command else ''}",
        r"% \usepackage{booktabs} and \usepackage{siunitx} (version 3) in the preamble",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape_latex(table.caption)}}}",
        rf"  \label{{{_plain_tex(table.label)}}}",
        f"  {_SISETUP}",
        rf"  \begin{{tabular}}{{{kinds}}}",
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
    lines += [
        "    " + " & ".join([*map(escape_latex, words), *map(_latex_cell, cells)]) + r" \\"
        for words, cells in table.rows
    ]
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _plain_tex(text: str) -> str:
    """Text in a comment or a label: no sign that TeX would act on, no line that ends it."""
    return "".join(sign for sign in " ".join(text.split()) if sign not in "\\{}%$#~^&")


def _group_spans(table: PaperTable) -> list[tuple[str, int, int]]:
    """Each group with its first and last column, counted from 1."""
    found, at = [], len(table.row_headings) + 1
    for name, span in table.groups:
        found.append((name, at, at + span - 1))
        at += span
    return found


def _cells_by_column(table: PaperTable) -> list[list[MeasuredCell | None]]:
    return [[cells[i] for _, cells in table.rows] for i, _ in enumerate(table.columns)]


def _column_kind(cells: Sequence[MeasuredCell | None]) -> str:
    """An S column with room for the longest number in it; centred where one is in powers of ten."""
    digits = [cell.digits for cell in cells if cell is not None and _is_plain_number(cell)]
    if not digits or any(cell is not None and cell.digits[2] for cell in cells):
        return "c"
    whole = max(len(mean.lstrip("-").partition(".")[0]) for mean, _, _ in digits)
    decimals = max(len(mean.partition(".")[2]) for mean, _, _ in digits)
    sign = "-" if any(mean.startswith("-") for mean, _, _ in digits) else ""
    unsure = [half for _, half, _ in digits if half is not None]
    room = max((len(half.replace(".", "").lstrip("0")) for half in unsure), default=0)
    uncertain = f"({room})" if room else ""
    return f"S[table-format={sign}{whole}.{decimals}{uncertain}]"


def _is_plain_number(cell: MeasuredCell) -> bool:
    return cell.digits[0].lstrip("-")[:1].isdigit()


def _latex_cell(cell: MeasuredCell | None) -> str:
    if cell is None:
        return "{--}"
    mean, half, exponent = cell.digits
    if not _is_plain_number(cell):
        return f"{{{escape_latex(mean)}}}"
    number = mean if half is None else f"{mean} +- {half}"
    if exponent:
        number = rf"\num{{{number} e{exponent}}}"
    return rf"\bfseries {number}" if cell.bold else number


def table_as_html(table: PaperTable) -> str:
    """A `table` element without any style of its own; the best are in `strong`."""
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
    for words, cells in table.rows:
        row = "".join(f'<th scope="row">{escape_html(word)}</th>' for word in words)
        row += "".join(f"<td>{_html_cell(cell)}</td>" for cell in cells)
        lines.append(f"<tr>{row}</tr>")
    return "\n".join([*lines, "</tbody>", "</table>"]) + "\n"


def _html_cell(cell: MeasuredCell | None) -> str:
    if cell is None:
        return "–"  # noqa: RUF001  a dash: nothing was measured
    return f"<strong>{escape_html(cell.text)}</strong>" if cell.bold else escape_html(cell.text)


def table_as_markdown(table: PaperTable) -> str:
    """A pipe table with its caption below; the best are bold."""
    names = [*table.row_headings, *full_names(table)]
    ruled = [*(["---"] * len(table.row_headings)), *(["---:"] * len(table.columns))]
    lines = [_markdown_row([escape_markdown(name) or " " for name in names]), _markdown_row(ruled)]
    lines += [
        _markdown_row([*(escape_markdown(word) for word in words), *map(_markdown_cell, cells)])
        for words, cells in table.rows
    ]
    return "\n".join([*lines, "", escape_markdown(table.caption)]) + "\n"


def full_names(table: PaperTable) -> list[str]:
    """The columns' names, with their group's before them."""
    over = [name for name, span in table.groups for _ in range(span)]
    if not over:
        return list(table.columns)
    if len(set(table.columns)) == 1:
        return over
    return [f"{group}: {name}" for group, name in zip(over, table.columns, strict=True)]


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: MeasuredCell | None) -> str:
    if cell is None:
        return ""
    return f"**{cell.text}**" if cell.bold else cell.text


def table_as_csv(table: PaperTable) -> str:
    """Means, half widths and marks in columns of their own, numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = full_names(table)
    parts = [f"{name}{part}" for name in names for part in ("", " half width", " best")]
    writer.writerow(map(escape_formula, [*table.row_headings, *parts]))
    for words, cells in table.rows:
        values: list[object] = []
        for cell in cells:
            if cell is None:
                values += [None, None, None]
            else:
                known = cell.half_width == cell.half_width
                values += [cell.value, cell.half_width if known else None, cell.bold]
        writer.writerow([*map(escape_formula, words), *values])
    return text.getvalue()
