"""Output of tables for papers, on the screen or as text for a file."""

from collections.abc import Sequence
from functools import partial

from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, print_text, render, say
from nnlab.report.paper_table import PaperTable, table_as_json
from nnlab.report.table_formats import (
    full_names,
    table_as_csv,
    table_as_html,
    table_as_latex,
    table_as_markdown,
)
from nnlab.report.typst_table import table_as_typst


def print_paper_tables(tables: Sequence[PaperTable], output_format: str, command: str) -> None:
    """Prints tables separated by empty lines.

    Args:
        tables: the tables.
        output_format: `table`, `latex`, `markdown`, `html`, `typst`, `csv` or `json`.
        command: arguments of the command line, which LaTeX and Typst tables mention in a comment.
    """
    if output_format == "json":
        first, *others = map(table_as_json, tables)
        print_json({**first, "other_groups": others})
        return
    for index, table in enumerate(tables):
        if index:
            say()
        if output_format == "table":
            _print_screen_table(table)
            continue
        print_text(
            {
                "latex": partial(table_as_latex, table, f"nnlab {command}"),
                "markdown": partial(table_as_markdown, table),
                "html": partial(table_as_html, table),
                "csv": partial(table_as_csv, table),
                "typst": partial(table_as_typst, table, f"nnlab {command}"),
            }[output_format]()
        )


def _print_screen_table(table: PaperTable) -> None:
    """Prints a table on the screen; an asterisk marks the best values instead of bold text."""
    names = full_names(table)
    columns = [TableColumn(f"stub{i}", name or " ") for i, name in enumerate(table.row_headings)]
    columns += [TableColumn(f"cell{i}", name, align_right=True) for i, name in enumerate(names)]
    rows = []
    for headings, cells in table.rows:
        row: dict[str, str | None] = {f"stub{i}": text for i, text in enumerate(headings)}
        for i, cell in enumerate(cells):
            mark = " *" if cell is not None and cell.bold else "  "
            row[f"cell{i}"] = None if cell is None else cell.text + mark
        rows.append(row)
    render(rows, columns, Format.TABLE)
    say(table.caption, style="dim")
    for text in table.notes:
        say(text.replace("Bold:", "*:", 1), style="dim")
