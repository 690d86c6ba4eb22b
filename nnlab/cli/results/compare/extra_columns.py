"""The requested columns of a ranking (`--columns`, `--relative`) in tables and CSV."""

from collections.abc import Mapping
from typing import Any

from nnlab.analysis.records import Ranking
from nnlab.cli.output.render import TableColumn


def extra_table_columns(ranking: Ranking) -> list[TableColumn]:
    """For each requested column its text, and the numbers behind it, which only CSV contains."""
    columns = []
    for column in ranking.extra_columns:
        names = dict.fromkeys(name for value in column.values for name in value or ())
        columns += [
            TableColumn(f"{column.key}_text", column.heading, align_right=True),
            *(
                TableColumn(f"{column.key}_{name}", f"{column.heading} {name}", hidden=True)
                for name in names
            ),
        ]
    return columns


def extra_cells(ranking: Ranking, index: int) -> Mapping[str, Any]:
    """The cells of these columns in a row of the ranking."""
    cells: dict[str, Any] = {}
    for column in ranking.extra_columns:
        cells[f"{column.key}_text"] = column.texts[index]
        for name, value in (column.values[index] or {}).items():
            cells[f"{column.key}_{name}"] = value
    return cells
