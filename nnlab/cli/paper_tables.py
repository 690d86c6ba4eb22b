"""A table for a paper on the screen, or as text for a file."""

from nnlab.cli.options import Format
from nnlab.cli.render import Column, print_json, print_text, render, say
from nnlab.report.paper_table import PaperTable, as_json
from nnlab.report.typeset import as_csv, as_html, as_latex, as_markdown, full_names


def print_paper_table(table: PaperTable, how: str, command: str) -> None:
    """Prints it as `table`, `latex`, `markdown`, `html`, `csv` or `json`."""
    if how == "json":
        print_json(as_json(table))
    elif how == "table":
        _render(table)
    else:
        print_text(
            {
                "latex": lambda: as_latex(table, f"nnlab {command}"),
                "markdown": lambda: as_markdown(table),
                "html": lambda: as_html(table),
                "csv": lambda: as_csv(table),
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
