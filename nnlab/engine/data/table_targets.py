"""Targets of a table: classes or numbers, decided from the values or by `--task`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import Task
from nnlab.config.numbers import parse_number
from nnlab.engine.data.dataset import has_one_value
from nnlab.engine.data.table_columns import (
    MAX_INTEGER_CLASSES,
    CellColumn,
    Table,
)
from nnlab.engine.data.table_problems import TableProblem, cell_problem
from nnlab.errors import DataError

MAX_CLASSES = 1000


@dataclass(frozen=True, slots=True)
class TargetValues:
    """Classes [n] (int64) with their names, or numbers [n] (float64); empty with problems."""

    values: NDArray[np.int64] | NDArray[np.float64]
    classes: tuple[str, ...] = ()
    problems: tuple[TableProblem, ...] = ()


def parse_targets(table: Table, name: str, task: Task | None) -> TargetValues:
    """The targets in a column.

    Args:
        table: the table.
        name: the target column.
        task: what is learned; None to decide it from the values.

    Raises:
        DataError: the column has only one value, or too many classes.
    """
    column = table.column(name)
    are_numbers = column.has_numbers if task is None else task == "regression"
    problems = _find_problems(table, column, are_numbers=are_numbers, is_chosen=task is not None)
    if problems:
        return TargetValues(np.empty(0), (), problems)
    if are_numbers:
        numbers = column.values
        if task == "regression" or not _are_few_integers(numbers):
            if has_one_value(numbers):
                raise _one_value_error(table, name, column.cell(0))
            return TargetValues(numbers)
    return _parse_classes(table, column.with_texts())


def _are_few_integers(numbers: NDArray[np.float64]) -> bool:
    # The first rows mostly decide, without sorting all of them.
    for part in (numbers[:1000], numbers):
        distinct = np.unique(part)
        if len(distinct) > MAX_INTEGER_CLASSES or (distinct % 1 != 0).any():
            return False
    return True


def _find_problems(
    table: Table, column: CellColumn, *, are_numbers: bool, is_chosen: bool
) -> tuple[TableProblem, ...]:
    problems = []
    missing = column.missing_rows.tolist()
    if missing:
        problems.append(
            cell_problem(
                table,
                column.name,
                missing,
                lambda text: "the value is missing" + (f" ('{text}')" if text else ""),
                ("missing", "drop"),
            )
        )
    if are_numbers:
        # Texts among numbers are more likely typing errors than classes.
        texts = column.text_rows
        if len(texts):
            problems.append(
                cell_problem(
                    table,
                    column.name,
                    texts.tolist(),
                    lambda text: f"'{text}' is not a number",
                    ("task", "classification"),
                    () if is_chosen else ("correct the file if it is a typing error",),
                )
            )
    return tuple(problems)


def _parse_classes(table: Table, column: CellColumn) -> TargetValues:
    """Classes in the order of their numbers, or of their texts."""
    # A class is named after the first spelling of its number.
    spellings: dict[float | str, str] = {}
    for text in sorted(column.texts, key=lambda text: (parse_number(text) or 0.0, text)):
        spellings.setdefault(class_key(text), text)
    classes = tuple(spellings.values())
    if len(classes) < 2:
        raise _one_value_error(table, column.name, classes[0])
    if len(classes) > MAX_CLASSES and column.has_numbers:
        raise DataError(
            f"{table.path}: column '{column.name}' has {len(classes):,} different values, at most"
            f" {MAX_CLASSES:,} classes are allowed",
            hint="--task regression",
        )
    index = {key: label for label, key in enumerate(spellings)}
    labels = np.array([index[class_key(text)] for text in column.texts], np.int64)
    return TargetValues(labels[column.codes], classes)


def class_key(text: str) -> float | str:
    """The value that all spellings of a class share: their number, or their text."""
    number = parse_number(text)
    return text if number is None else number


def _one_value_error(table: Table, name: str, text: str) -> DataError:
    return DataError(f"{table.path}: column '{name}' has only one value: '{text}'")
