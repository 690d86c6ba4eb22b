r"""The LaTeX environment and the font size of a table, from an estimate of its width.

A `table` wider than a column of a two-column paper overlaps the neighbouring column. A `table*`
spans both columns, and equals `table` in papers of one column.
"""

from collections.abc import Iterable
from typing import Final

# Points. A column of ICML has 235; the text of NeurIPS, the narrowest page in common use, has 397.
_COLUMN_WIDTH: Final = 235.0
_PAGE_WIDTH: Final = 397.0
# The mean width of a character of Times at 10 points, and \tabcolsep on both sides of a column.
_CHARACTER_WIDTH: Final = 4.6
_COLUMN_SPACE: Final = 12.0
# The ratio of \small (9 points) to the size of the text (10 points).
_SMALL: Final = 0.9


def table_environment(columns: Iterable[Iterable[str]]) -> tuple[str, str]:
    r"""The environment of a table, `table` or `table*`, and the command of its font size or "".

    Args:
        columns: the texts of each column, with its heading.

    >>> table_environment([["Optimizer", "Adam"], ["Accuracy", "0.97"]])
    ('table', '')
    """
    texts = [list(column) for column in columns]
    width = sum(_CHARACTER_WIDTH * max(map(len, column)) + _COLUMN_SPACE for column in texts)
    size = "" if width <= _PAGE_WIDTH else r"\small"
    if _SMALL * width > _PAGE_WIDTH:
        size = r"\footnotesize\setlength{\tabcolsep}{4pt}"
    return "table" if width <= _COLUMN_WIDTH else "table*", size
