"""Targets of a table with tags: a text column of separated tags, or a column of 0 and 1 per tag."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.column_encoding import parse_boolean
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.table_columns import CellColumn, Table
from nnlab.engine.data.table_problems import TableProblem, cell_problem
from nnlab.errors import DataError

MAX_TAGS = 1000
SEPARATORS = {"semicolon": ";", "comma": ",", "pipe": "|", "slash": "/", "plus": "+", "space": " "}
# The share of the texts that contain a separator in a column that looks like tags.
_MIN_SEPARATED = 0.2


def split_tags(text: str, separator: str) -> tuple[str, ...]:
    """The tags in a text, each once.

    >>> split_tags("red; blue;;red", "semicolon")
    ('red', 'blue')
    """
    parts = (part.strip() for part in text.split(SEPARATORS[separator]))
    return tuple(dict.fromkeys(part for part in parts if part))


def parse_tags(
    table: Table, column: CellColumn, separator: str
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """The tags [n, k] of a column of texts, 0 or 1, and their names in alphabetical order.

    An empty cell is an example without tags.

    Raises:
        DataError: there are fewer than two tags, or too many.
    """
    tags_of_text = [split_tags(text, separator) for text in column.texts]
    names = tuple(sorted({tag for tags in tags_of_text for tag in tags}))
    if not 2 <= len(names) <= MAX_TAGS:
        raise DataError(
            f"{table.path}: column '{column.name}' has {len(names):,} different tags separated by"
            f" '{SEPARATORS[separator]}'; it needs at least 2 and at most {MAX_TAGS:,}",
            hint="--target-separator names another separator",
        )
    index = {name: position for position, name in enumerate(names)}
    present = np.zeros((len(column.texts), len(names)), np.uint8)
    for row, tags in enumerate(tags_of_text):
        present[row, [index[tag] for tag in tags]] = 1
    return present[column.codes], names


def suggested_separator(dataset: Dataset) -> str | None:
    """The separator of the classes of a table if they look like tags; None if they do not."""
    if dataset.task != "classification" or not dataset.columns:
        return None
    return find_tag_separator(dataset.classes)


def find_tag_separator(texts: Sequence[str]) -> str | None:
    """The separator of distinct texts that look like tags; None if they do not.

    The texts of tags are combined from few tags, so that there are fewer tags than texts.
    """
    for separator in ("semicolon", "pipe", "comma"):
        parts = [split_tags(text, separator) for text in texts]
        separated = sum(len(tags) > 1 for tags in parts)
        tags = {tag for text_tags in parts for tag in text_tags}
        if separated >= _MIN_SEPARATED * len(texts) and 2 <= len(tags) < len(texts):
            return separator
    return None


def binary_values(column: CellColumn) -> NDArray[np.float64]:
    """The value of each row [n] of a column of 0 and 1, or yes/no, true/false, t/f; others NaN."""
    if column.numbers is not None:
        return np.where(np.isin(column.numbers, (0.0, 1.0)), column.numbers, np.nan)
    words = [parse_boolean(text) for text in column.texts]
    numbers = [
        word if word is not None else number if number in (0.0, 1.0) else np.nan
        for word, number in zip(words, column.parsed.tolist(), strict=True)
    ]
    return np.array(numbers, np.float64)[column.codes]


def is_binary(column: CellColumn) -> bool:
    """Whether all values of a column that are not missing are 0 or 1, or such words."""
    invalid = np.flatnonzero(np.isnan(binary_values(column)))
    return not len(np.setdiff1d(invalid, column.missing_rows))


def tag_column_problems(table: Table, columns: Sequence[CellColumn]) -> list[TableProblem]:
    """The problems of columns that should be tags: cells that are neither 0 nor 1."""
    problems = []
    for column in columns:
        invalid = np.flatnonzero(np.isnan(binary_values(column)))
        rows = np.setdiff1d(invalid, column.missing_rows)
        if len(rows):
            problems.append(
                cell_problem(
                    table,
                    column.name,
                    rows.tolist(),
                    lambda text: f"'{text}' is neither 0 nor 1, nor yes or no",
                    ("task", "regression") if not len(column.text_rows) else ("", ""),
                )
            )
    return problems
