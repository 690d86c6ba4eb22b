"""A table for a paper on the screen, or as text for a file."""

from collections.abc import Sequence
from functools import partial

from nnlab.cli.options import Format
from nnlab.cli.output.render import Column, print_json, print_text, render, say
from nnlab.report.paper_table import PaperTable, as_json
from nnlab.report.typeset import as_csv, as_html, as_latex, as_markdown, full_names


def print_paper_tables(tables: Sequence[PaperTable], how: str, command: str) -> None:
    """Prints tables as `table`, `latex`, `markdown`, `html`, `csv` or `json`, a line between."""
    if how == "json":
        first, *others = map(as_json, tables)
        print_json({**first, "other_groups": others})
        return
    for place, table in enumerate(tables):
        if place:
            say()
        if how == "table":
            _render(table)
            continue
        print_text(
            {
                "latex": partial(as_latex, table, f"nnlab {command}"),
                "markdown": partial(as_markdown, table),
                "html": partial(as_html, table),
                "csv": partial(as_csv, table),
            }[how]()
        )


def _render(table: PaperTable) -> None:
    """On the screen; the best are marked, for bold is not always seen."""
    names = full_names(table)
    columns = [Column(f"stub{i}", name or " ") for i, name in enumerate(table.stub)]
    columns += [Column(f"cell{i}", name, right=True) for i, name in enumerate(names)]
    rows = []
    for words, cells in table.rows:
        row: dict[str, str | None] = {f"stub{i}": word for i, word in enumerate(words)}
        for i, cell in enumerate(cells):
            mark = " *" if cell is not None and cell.bold else "  "
            row[f"cell{i}"] = None if cell is None else cell.text + mark
        rows.append(row)
    render(rows, columns, Format.TABLE)
    say(table.caption.replace("Bold:", "*:"), style="dim")
