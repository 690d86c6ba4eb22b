"""Tables of a paper in LaTeX, HTML, Markdown and CSV; every text in them is escaped."""

import csv
import io
from collections.abc import Sequence

import nnlab
from nnlab.io.escaping import escaped, html, latex, spreadsheet
from nnlab.report.paper_table import Measured, PaperTable

_SISETUP = (
    r"\sisetup{uncertainty-mode=separate, table-align-uncertainty=true, mode=match,"
    r" reset-text-series=false, text-series-to-math=true}"
)


def as_latex(table: PaperTable, command: str = "") -> str:
    r"""A `table` with booktabs rules, numbers aligned by siunitx (version 3)."""
    spans = _spans(table)
    kinds = "l" * len(table.stub) + "".join(map(_column_kind, _down(table)))
    lines = [
        f"% made by nnlab {nnlab.__version__}{': ' + _comment(command) if command else ''}",
        r"% \usepackage{booktabs} and \usepackage{siunitx} (version 3) in the preamble",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{latex(table.caption)}}}",
        rf"  \label{{{_comment(table.label)}}}",
        f"  {_SISETUP}",
        rf"  \begin{{tabular}}{{{kinds}}}",
        r"    \toprule",
    ]
    if spans:
        heads = [
            rf"\multicolumn{{{last - first + 1}}}{{c}}{{{latex(n)}}}" for n, first, last in spans
        ]
        lines.append("    " + " & ".join([""] * len(table.stub) + heads).strip() + r" \\")
        lines.append("    " + " ".join(rf"\cmidrule(lr){{{a}-{b}}}" for _, a, b in spans))
    heads = [*map(latex, table.stub), *(f"{{{latex(name)}}}" for name in table.columns)]
    lines += ["    " + " & ".join(heads) + r" \\", r"    \midrule"]
    lines += [
        "    " + " & ".join([*map(latex, words), *map(_latex_cell, cells)]) + r" \\"
        for words, cells in table.rows
    ]
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    """Text in a comment or a label: no sign that TeX would act on, no line that ends it."""
    return "".join(sign for sign in " ".join(text.split()) if sign not in "\\{}%$#~^&")


def _spans(table: PaperTable) -> list[tuple[str, int, int]]:
    """Each group with its first and last column, counted from 1."""
    found, at = [], len(table.stub) + 1
    for name, span in table.groups:
        found.append((name, at, at + span - 1))
        at += span
    return found


def _down(table: PaperTable) -> list[list[Measured | None]]:
    return [[cells[i] for _, cells in table.rows] for i, _ in enumerate(table.columns)]


def _column_kind(cells: Sequence[Measured | None]) -> str:
    """An S column with room for the longest number in it; centred where one is in powers of ten."""
    digits = [cell.digits for cell in cells if cell is not None and _is_plain(cell)]
    if not digits or any(cell is not None and cell.digits[2] for cell in cells):
        return "c"
    whole = max(len(mean.lstrip("-").partition(".")[0]) for mean, _, _ in digits)
    decimals = max(len(mean.partition(".")[2]) for mean, _, _ in digits)
    sign = "-" if any(mean.startswith("-") for mean, _, _ in digits) else ""
    unsure = [half for _, half, _ in digits if half is not None]
    room = max((len(half.replace(".", "").lstrip("0")) for half in unsure), default=0)
    uncertain = f"({room})" if room else ""
    return f"S[table-format={sign}{whole}.{decimals}{uncertain}]"


def _is_plain(cell: Measured) -> bool:
    return cell.digits[0].lstrip("-")[:1].isdigit()


def _latex_cell(cell: Measured | None) -> str:
    if cell is None:
        return "{--}"
    mean, half, exponent = cell.digits
    if not _is_plain(cell):
        return f"{{{latex(mean)}}}"
    number = mean if half is None else f"{mean} +- {half}"
    if exponent:
        number = rf"\num{{{number} e{exponent}}}"
    return rf"\bfseries {number}" if cell.bold else number


def as_html(table: PaperTable) -> str:
    """A `table` element without any style of its own; the best are in `strong`."""
    lines = ["<table>", f"<caption>{html(table.caption)}</caption>", "<thead>"]
    if table.groups:
        heads = "".join(
            f'<th scope="colgroup" colspan="{span}">{html(name)}</th>'
            for name, span in table.groups
        )
        lines.append(f"<tr>{'<td></td>' * len(table.stub)}{heads}</tr>")
    heads = "".join(f'<th scope="col">{html(name)}</th>' for name in (*table.stub, *table.columns))
    lines += [f"<tr>{heads}</tr>", "</thead>", "<tbody>"]
    for words, cells in table.rows:
        row = "".join(f'<th scope="row">{html(word)}</th>' for word in words)
        row += "".join(f"<td>{_html_cell(cell)}</td>" for cell in cells)
        lines.append(f"<tr>{row}</tr>")
    return "\n".join([*lines, "</tbody>", "</table>"]) + "\n"


def _html_cell(cell: Measured | None) -> str:
    if cell is None:
        return "–"  # noqa: RUF001  a dash: nothing was measured
    return f"<strong>{html(cell.text)}</strong>" if cell.bold else html(cell.text)


def as_markdown(table: PaperTable) -> str:
    """A pipe table with its caption below; the best are bold."""
    names = [*table.stub, *full_names(table)]
    ruled = [*(["---"] * len(table.stub)), *(["---:"] * len(table.columns))]
    lines = [_piped([escaped(name) or " " for name in names]), _piped(ruled)]
    lines += [
        _piped([*(escaped(word) for word in words), *map(_markdown_cell, cells)])
        for words, cells in table.rows
    ]
    return "\n".join([*lines, "", escaped(table.caption)]) + "\n"


def full_names(table: PaperTable) -> list[str]:
    """The columns' names, with their group's before them."""
    over = [name for name, span in table.groups for _ in range(span)]
    if not over:
        return list(table.columns)
    if len(set(table.columns)) == 1:
        return over
    return [f"{group}: {name}" for group, name in zip(over, table.columns, strict=True)]


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: Measured | None) -> str:
    if cell is None:
        return ""
    return f"**{cell.text}**" if cell.bold else cell.text


def as_csv(table: PaperTable) -> str:
    """Means, half widths and marks in columns of their own, numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = full_names(table)
    parts = [f"{name}{part}" for name in names for part in ("", " half width", " best")]
    writer.writerow(map(spreadsheet, [*table.stub, *parts]))
    for words, cells in table.rows:
        values: list[object] = []
        for cell in cells:
            if cell is None:
                values += [None, None, None]
            else:
                known = cell.half_width == cell.half_width
                values += [cell.value, cell.half_width if known else None, cell.bold]
        writer.writerow([*map(spreadsheet, words), *values])
    return text.getvalue()
