"""Data sets from a user's table: `csv:FILE#TARGET`, `parquet:FILE#TARGET`, `excel:FILE#TARGET`.

By default a column with numbers is one feature, a column without any number is categorical and
one-hot encoded, and missing values, dates and texts among numbers are errors. `TableOptions` change
this. Text targets are classes. Whole numbers with at most twenty distinct values are classes too
(`1` and `1.0` are the same class); other numbers are regression targets. `csv:FILE#A,B` names
several target columns: tags if all of them have 0 and 1 only, otherwise numbers.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset, FeatureColumn
from nnlab.engine.data.location import find_data_file
from nnlab.engine.data.table_columns import Table
from nnlab.engine.data.table_features import ColumnPlan, encode_features, plan_column
from nnlab.engine.data.table_files import read_table
from nnlab.engine.data.table_options import DEFAULT_TABLE_OPTIONS, TableOptions
from nnlab.engine.data.table_problems import TableProblem, raise_problems
from nnlab.engine.data.table_targets import missing_target_rows, parse_targets
from nnlab.engine.data.target_columns import find_target_columns
from nnlab.errors import DataError, unknown_name_message
from nnlab.io.text import format_count

TableType = TypeVar("TableType", bound=Table)


def read_dataset(name: str, options: TableOptions = DEFAULT_TABLE_OPTIONS) -> Dataset:
    """Reads `csv:FILE#TARGET`; without `#TARGET` the last column is the target.

    A missing value that is filled from the training split is NaN in the examples.

    Raises:
        DataError: the file or the target column does not exist.
        TableProblems: columns or cells cannot be used; all problems are reported at once.
    """
    return build_table_dataset(name, *open_table(name, options), options, encode_features)


def build_table_dataset(
    name: str,
    table: TableType,
    version: str,
    targets: tuple[str, ...],
    options: TableOptions,
    encode: Callable[[TableType, tuple[FeatureColumn, ...]], NDArray[np.float64]],
) -> Dataset:
    """The data set of a table.

    Args:
        name: of the data set.
        table: the table.
        version: the hash of its file.
        targets: the target columns.
        options: how the columns are used.
        encode: the features [n, features] of columns.

    Raises:
        DataError: as in `read_dataset`.
    """
    table, split_cells, plans, notes = _select(table, targets, options)
    problems = [problem for plan in plans for problem in plan.problems]
    target_values = parse_targets(table, targets, options)
    raise_problems(table.path, [*target_values.problems, *problems])
    columns = tuple(plan.feature for plan in plans if plan.feature is not None)
    if not columns:
        raise DataError(f"{table.path} has no feature left beside the target")
    return Dataset(
        name,
        target_values.task,
        encode(table, columns),
        target_values.values,
        target_values.classes,
        version,
        columns=columns,
        split_cells=split_cells,
        target_name=targets[0] if len(targets) == 1 else "",
        target_names=targets if len(targets) > 1 and target_values.task == "regression" else (),
        notes=(
            *table.notes,
            *notes,
            *(plan.note for plan in plans if plan.note),
        ),
    )


def open_table(name: str, options: TableOptions) -> tuple[Table, str, tuple[str, ...]]:
    """The table of a data set, the hash of its file, and the names of its target columns.

    Raises:
        DataError: the file cannot be read, or has no such column.
    """
    prefix, _, rest = name.partition(":")
    path_text, _, target = rest.partition("#")
    path = find_data_file(path_text, f"--data {prefix}:FILE#TARGET")
    # Classes and tags are named after their texts; a target without a name is the last column.
    has_texts = options.task == "classification" or options.target_separator is not None
    named = (target,) if has_texts else ()
    table, version = read_table(path, options.format, target, (*options.split.names, *named))
    return table, version, find_target_columns(path, target, table.header)


def feature_names(table: Table, targets: Sequence[str], options: TableOptions) -> tuple[str, ...]:
    """The names of the columns that are features, before unusable ones are left out.

    Raises:
        TableProblems: an option names a column that does not exist or is the target.
    """
    problems = [
        *_column_problems(table, targets, "--drop-columns", options.drop_columns),
        *_column_problems(table, targets, "--only-columns", options.only_columns),
    ]
    raise_problems(table.path, problems)
    excluded = {*targets, *options.split.excluded, *options.drop_columns}
    selected = options.only_columns or table.header
    return tuple(name for name in table.header if name in selected and name not in excluded)


def _select(
    table: TableType, targets: Sequence[str], options: TableOptions
) -> tuple[TableType, dict[str, NDArray[np.str_]], list[ColumnPlan], list[str]]:
    """The rows that are used, their cells for the splits, the plan of each column, and notes."""
    _check_split_columns(table, targets, options)
    names = feature_names(table, targets, options)
    plans = [plan_column(table, name, options) for name in names]
    notes = []
    if options.missing == "drop":
        kept = [plan.feature.name for plan in plans if plan.feature is not None]
        without_target = [
            missing_target_rows(table.column(name), options.target_separator) for name in targets
        ]
        complete = _complete_rows(table, [*kept, *options.split.names], without_target)
        if not len(complete):
            raise DataError(
                f"{table.path}: every row has a missing value, and --missing drop leaves none",
                hint="--missing category, or --drop-columns for those that are mostly empty",
            )
        if len(complete) < len(table):
            left_out = f"{len(table) - len(complete):,} of {format_count(len(table), 'row')}"
            notes.append(f"{left_out} with missing values are left out")
            table = table.take(complete)
            dropped = [plan for plan in plans if plan.feature is None]
            plans = [plan_column(table, name, options) for name in kept] + dropped
    split_cells = {name: table.column(name).cells for name in options.split.names}
    return table, split_cells, plans, notes


def _complete_rows(
    table: Table, names: list[str], without_target: list[NDArray[np.int64]]
) -> NDArray[np.int64]:
    incomplete = [table.column(name).missing_rows for name in dict.fromkeys(names)]
    incomplete += without_target
    return np.setdiff1d(np.arange(len(table)), np.concatenate(incomplete))


def _check_split_columns(table: Table, targets: Sequence[str], options: TableOptions) -> None:
    """Checks the columns that determine the splits.

    Raises:
        DataError: there is no such column, or it is the target and would be no feature.
    """
    for name in options.split.names:
        if name not in table.header:
            message = unknown_name_message("column", name, table.header)
            raise DataError(f"{options.split.option_of(name)}: {message}")
        if name in targets:
            raise DataError(f"{options.split.option_of(name)}: the column is the target")


def _column_problems(
    table: Table, targets: Sequence[str], flag: str, names: tuple[str, ...]
) -> list[TableProblem]:
    unknown = [name for name in names if name not in table.header]
    problems = [
        TableProblem(f"{flag}: {unknown_name_message('column', name, table.header)}")
        for name in unknown
    ]
    problems += [
        TableProblem(f"{flag}: the column '{name}' is the target")
        for name in targets
        if name in names
    ]
    return problems
