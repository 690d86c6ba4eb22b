"""A table for a paper on the screen, or as text for a file."""

from collections.abc import Sequence
from functools import partial

from nnlab.cli.options import Format
from nnlab.cli.output.render import TableColumn, print_json, print_text, render, say
from nnlab.report.paper_table import PaperTable, table_as_json
from nnlab.report.table_formats import (
    full_names,
    table_as_csv,
    table_as_html,
    table_as_latex,
    table_as_markdown,
)


def print_paper_tables(tables: Sequence[PaperTable], how: str, command: str) -> None:
    """Prints tables as `table`, `latex`, `markdown`, `html`, `csv` or `json`, a line between."""
    if how == "json":
        first, *others = map(table_as_json, tables)
        print_json({**first, "other_groups": others})
        return
    for place, table in enumerate(tables):
        if place:
            say()
        if how == "table":
            _print_screen_table(table)
            continue
        print_text(
            {
                "latex": partial(table_as_latex, table, f"nnlab {command}"),
                "markdown": partial(table_as_markdown, table),
                "html": partial(table_as_html, table),
                "csv": partial(table_as_csv, table),
            }[how]()
        )


def _print_screen_table(table: PaperTable) -> None:
    """On the screen; the best are marked, for bold is not always seen."""
    names = full_names(table)
    columns = [TableColumn(f"stub{i}", name or " ") for i, name in enumerate(table.row_headings)]
    columns += [TableColumn(f"cell{i}", name, right=True) for i, name in enumerate(names)]
    rows = []
    for words, cells in table.rows:
        row: dict[str, str | None] = {f"stub{i}": word for i, word in enumerate(words)}
        for i, cell in enumerate(cells):
            mark = " *" if cell is not None and cell.bold else "  "
            row[f"cell{i}"] = None if cell is None else cell.text + mark
        rows.append(row)
    render(rows, columns, Format.TABLE)
    say(table.caption.replace("Bold:", "*:"), style="dim")
