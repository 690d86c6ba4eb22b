"""Targets of a table: classes, numbers or tags, decided from the values or by `--task`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import Task
from nnlab.engine.data.dataset import has_one_value
from nnlab.engine.data.table_columns import (
    MAX_INTEGER_CLASSES,
    CellColumn,
    Table,
    is_missing,
)
from nnlab.engine.data.table_options import TableOptions
from nnlab.engine.data.table_problems import TableProblem, cell_problem
from nnlab.engine.data.table_tags import (
    binary_values,
    is_binary,
    parse_tags,
    tag_column_problems,
)
from nnlab.errors import DataError
from nnlab.settings.column_names import format_column_names
from nnlab.settings.numbers import parse_number

MAX_CLASSES = 1000
_TABLE_TASKS: tuple[Task, ...] = ("classification", "regression", "multilabel")


@dataclass(frozen=True, slots=True)
class TargetValues:
    """The targets of a table; empty with problems.

    Classes [n] (int64) with their names, numbers [n] or of several columns [n, k] (float64), or
    tags [n, k] (uint8) with their names.
    """

    task: Task
    values: NDArray[np.int64] | NDArray[np.float64] | NDArray[np.uint8]
    classes: tuple[str, ...] = ()
    problems: tuple[TableProblem, ...] = ()


def parse_targets(table: Table, names: Sequence[str], options: TableOptions) -> TargetValues:
    """The targets in one or several columns.

    Args:
        table: the table.
        names: the target columns.
        options: `task` decides what is learned; None to decide it from the values. With
            `target_separator`, the texts of one column are tags.

    Raises:
        DataError: the column has only one value, too many classes, or the task needs others.
    """
    if options.task not in (None, *_TABLE_TASKS):
        raise DataError(
            f"{table.path}: --task {options.task} does not fit a table",
            hint=f"--task {', '.join(_TABLE_TASKS)}; arrays can have targets of other shapes",
        )
    if options.target_separator is not None or len(names) > 1:
        _check_task(table, names, options)
    if options.target_separator is not None:
        return _parse_separated(table, table.column(names[0]), options.target_separator)
    if len(names) > 1:
        return _parse_several(table, [table.column(name) for name in names], options.task)
    if options.task == "multilabel":
        raise DataError(
            f"{table.path}: --task multilabel needs several target columns of 0 and 1, or a column"
            " of separated tags",
            hint="--data csv:FILE#A,B, or --target-separator semicolon",
        )
    return _parse_single(table, table.column(names[0]), options.task)


def missing_target_rows(column: CellColumn, separator: str | None) -> NDArray[np.int64]:
    """The rows without a target; an empty cell in a column of tags is an example without tags."""
    if separator is None:
        return column.missing_rows
    return column.rows_with(lambda text: text != "" and is_missing(text))


def _check_task(table: Table, names: Sequence[str], options: TableOptions) -> None:
    """Checks that the task fits several target columns or a separator.

    Raises:
        DataError: it does not.
    """
    task, separator = options.task, options.target_separator
    if separator is not None and len(names) > 1:
        raise DataError(
            f"{table.path}: --target-separator splits the texts of one target column, and"
            f" {format_column_names(names)} are {len(names)}",
            hint="leave it out for columns of 0 and 1",
        )
    allowed = ("multilabel",) if separator is not None else ("multilabel", "regression")
    if task is not None and task not in allowed:
        subject = "--target-separator" if separator is not None else "several target columns"
        raise DataError(
            f"{table.path}: {subject} and --task {task} do not fit",
            hint=" or ".join(f"--task {word}" for word in allowed),
        )


def _parse_separated(table: Table, column: CellColumn, separator: str) -> TargetValues:
    column = column.with_texts()
    missing = missing_target_rows(column, separator).tolist()
    if missing:
        problem = _missing_problem(table, column, missing)
        return TargetValues("multilabel", np.empty(0), (), (problem,))
    tags, names = parse_tags(table, column, separator)
    return TargetValues("multilabel", tags, names)


def _parse_several(table: Table, columns: Sequence[CellColumn], task: Task | None) -> TargetValues:
    """Tags if all columns have 0 and 1 only, otherwise numbers."""
    if task is None:
        task = "multilabel" if all(map(is_binary, columns)) else "regression"
    problems = [
        _missing_problem(table, column, column.missing_rows.tolist())
        for column in columns
        if len(column.missing_rows)
    ]
    if task == "multilabel":
        problems += tag_column_problems(table, columns)
        if problems:
            return TargetValues(task, np.empty(0), (), tuple(problems))
        tags = np.stack([binary_values(column) for column in columns], axis=1).astype(np.uint8)
        return TargetValues(task, tags, tuple(column.name for column in columns))
    for column in columns:
        texts = column.text_rows.tolist()
        if texts:
            problems.append(
                cell_problem(
                    table,
                    column.name,
                    texts,
                    lambda text: f"'{text}' is not a number",
                )
            )
        elif len(column.missing_rows) < len(column) and has_one_value(
            column.values[~np.isnan(column.values)]
        ):
            first = column.cell(int(np.flatnonzero(~np.isnan(column.values))[0]))
            problems.append(TableProblem(f"column '{column.name}' has only one value: '{first}'"))
    if problems:
        return TargetValues(task, np.empty(0), (), tuple(problems))
    return TargetValues(task, np.stack([column.values for column in columns], axis=1))


def _parse_single(table: Table, column: CellColumn, task: Task | None) -> TargetValues:
    """Classes or numbers in one column."""
    are_numbers = column.has_numbers if task is None else task == "regression"
    problems = _find_problems(table, column, are_numbers=are_numbers, is_chosen=task is not None)
    if problems:
        return TargetValues("regression", np.empty(0), (), problems)
    if are_numbers:
        numbers = column.values
        if task == "regression" or not _are_few_integers(numbers):
            if has_one_value(numbers):
                raise _one_value_error(table, column.name, column.cell(0))
            return TargetValues("regression", numbers)
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
        problems.append(_missing_problem(table, column, missing))
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


def _missing_problem(table: Table, column: CellColumn, rows: Sequence[int]) -> TableProblem:
    return cell_problem(
        table,
        column.name,
        rows,
        lambda text: "the value is missing" + (f" ('{text}')" if text else ""),
        ("missing", "drop"),
    )


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
    return TargetValues("classification", labels[column.codes], classes)


def class_key(text: str) -> float | str:
    """The value that all spellings of a class share: their number, or their text."""
    number = parse_number(text)
    return text if number is None else number


def _one_value_error(table: Table, name: str, text: str) -> DataError:
    return DataError(f"{table.path}: column '{name}' has only one value: '{text}'")
