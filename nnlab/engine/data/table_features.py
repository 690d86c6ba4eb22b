"""Features of a table: how each column is encoded, decided from its values and the options."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.column_encoding import MISSING_CATEGORY, encode_column, parse_boolean
from nnlab.engine.data.dataset import FeatureColumn
from nnlab.engine.data.dates import ORDERS, date_order, looks_like_date, parse_date
from nnlab.engine.data.table_columns import CellColumn, Table, is_missing
from nnlab.engine.data.table_options import TableOptions
from nnlab.engine.data.table_problems import TableProblem, cell_problem
from nnlab.settings.column_names import format_column_names

# A column of which more is missing is better dropped than filled.
_MAX_MISSING_SHARE = 0.5
_BLOCK_ROWS = 4096


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """How a column is encoded: `feature`, None if it is left out, which `note` explains."""

    feature: FeatureColumn | None
    problems: tuple[TableProblem, ...] = ()
    note: str = ""


def plan_column(table: Table, name: str, options: TableOptions) -> ColumnPlan:
    """The encoding of a column, or its problems."""
    column = table.column(name)
    missing = column.missing_rows
    if len(missing) == len(column):
        return _refused(TableProblem(f"column '{name}': all values are missing", *_drop(name)))
    if column.has_numbers:
        plan = _plan_numbers(table, column)
    else:
        plan = _plan_texts(table, column, options)
    return _with_missing(table, plan, missing, options)


def encode_features(table: Table, columns: tuple[FeatureColumn, ...]) -> NDArray[np.float64]:
    """The features [n, features] of columns without problems; NaN where a value is missing."""
    parts = [encode_column(column, table.column(column.name)).features for column in columns]
    features = np.empty((len(table), sum(part.shape[1] for part in parts)))
    # Block by block: whole columns would be written with large strides, which is slow.
    for begin in range(0, len(table), _BLOCK_ROWS):
        end = begin + _BLOCK_ROWS
        np.concatenate([part[begin:end] for part in parts], axis=1, out=features[begin:end])
    return features


def _drop(name: str) -> tuple[str, str]:
    return "drop_columns", format_column_names([name])


def _refused(*problems: TableProblem) -> ColumnPlan:
    return ColumnPlan(None, problems)


def _plan_numbers(table: Table, column: CellColumn) -> ColumnPlan:
    texts = column.text_rows
    feature = FeatureColumn(column.name)
    if not len(texts):
        return ColumnPlan(feature)
    problem = cell_problem(
        table,
        column.name,
        texts.tolist(),
        lambda text: f"'{text}' is not a number",
        _drop(column.name),
        _mark_options(column, texts),
    )
    return ColumnPlan(feature, (problem,))


def _mark_options(column: CellColumn, rows: NDArray[np.int64]) -> tuple[str, ...]:
    """The options under which texts with commas would be numbers."""
    text = column.cell(int(rows[0]))
    digits = text.replace(",", "").replace(".", "").lstrip("+-")
    if "," not in text or not digits.isdecimal():
        return ()
    return ("--csv-thousands comma", "--csv-decimal comma")


def _plan_texts(table: Table, column: CellColumn, options: TableOptions) -> ColumnPlan:
    present = [text for text in column.texts if not is_missing(text)]
    name = column.name
    if any(map(looks_like_date, present)) or (
        options.dates != "error" and date_order(present) is not None
    ):
        return _plan_dates(table, column, present, options)
    if options.booleans == "number" and all(parse_boolean(text) is not None for text in present):
        return ColumnPlan(FeatureColumn(name, encoding="boolean"))
    is_few = len(present) <= options.max_categories
    if (options.categories if is_few else options.many_categories) == "embed":
        size = options.embedding_size or 0  # 0: from the number of categories, see `embeddings`
        values = tuple(sorted(present))
        return ColumnPlan(FeatureColumn(name, values, encoding="embed", embedding_size=size))
    if is_few:
        return ColumnPlan(FeatureColumn(name, tuple(sorted(present))))
    if options.many_categories == "hash":
        return ColumnPlan(FeatureColumn(name, encoding="hash", buckets=options.max_categories))
    if options.many_categories == "drop":
        return ColumnPlan(None, note=f"column '{name}' is left out: {len(present):,} texts")
    if date_order(present) is not None:
        return _plan_dates(table, column, present, options)
    is_identifier = len(present) > _MAX_MISSING_SHARE * len(column)
    fix = _drop(name) if is_identifier else ("many_categories", "hash")
    # A column that can be hashed is checked for missing values too.
    feature = None if is_identifier else FeatureColumn(name, encoding="hash")
    return ColumnPlan(
        feature,
        (
            TableProblem(
                f"column '{name}': {len(present)} different texts, at most {options.max_categories}"
                " categories are allowed",
                *fix,
                (
                    "--many-categories hash" if is_identifier else "embed or drop",
                    "a larger --max-categories",
                ),
            ),
        ),
    )


def _plan_dates(
    table: Table, column: CellColumn, present: list[str], options: TableOptions
) -> ColumnPlan:
    name = column.name
    if options.dates == "drop":
        return ColumnPlan(None, note=f"column '{name}' is left out: it has dates")
    if options.dates == "error":
        rows = (
            column.rows_with(looks_like_date).tolist()
            or column.rows_with(lambda text: not is_missing(text)).tolist()
        )
        problem = cell_problem(
            table,
            name,
            rows,
            lambda text: f"'{text}' is a date or a time, neither a number nor a category",
            ("dates", "parts"),
            ("number", "drop"),
        )
        return ColumnPlan(FeatureColumn(name, encoding="date_parts"), (problem,))
    order = date_order(present)
    if order is None:
        # The order that fits most texts shows which text is the exception.
        best = max(ORDERS, key=lambda order: sum(_is_date(order)(text) for text in present))
        is_date = _is_date(best)
        rows = column.rows_with(lambda text: not is_missing(text) and not is_date(text)).tolist()
        return _refused(
            cell_problem(
                table,
                name,
                rows,
                lambda text: f"'{text}' is not a date that can be read",
                _drop(name),
            )
        )
    return ColumnPlan(
        FeatureColumn(
            name, encoding="date_parts" if options.dates == "parts" else "date", date_order=order
        )
    )


def _is_date(order: str) -> Callable[[str], bool]:
    return lambda text: parse_date(text, order) is not None


def _with_missing(
    table: Table, plan: ColumnPlan, missing: NDArray[np.int64], options: TableOptions
) -> ColumnPlan:
    """The plan completed by what happens with missing values."""
    feature = plan.feature
    if feature is None:
        return plan
    name = feature.name
    if options.missing in ("median", "category") and not feature.is_categorical:
        # Every column can be filled: other rows may have a missing value that these rows have not.
        fill = (np.nan,) * len(feature.value_names)
        indicator = options.missing == "category" and len(missing) > 0
        return ColumnPlan(replace(feature, fill=fill, indicator=indicator), plan.problems)
    if not len(missing) or options.missing == "drop":
        return plan
    if options.missing == "category":
        buckets = feature.buckets + (feature.encoding == "hash")
        values = (*feature.values, MISSING_CATEGORY) if feature.values else ()
        changed = replace(feature, values=values, buckets=buckets, missing_category=True)
        return ColumnPlan(changed, plan.problems)
    share = len(missing) / len(table)
    fix = _drop(name) if share > _MAX_MISSING_SHARE else ("missing", "category")
    alternatives = ("drop",) if feature.is_categorical else ("median", "drop")
    problem = cell_problem(
        table,
        name,
        missing.tolist(),
        lambda text: "the value is missing" + (f" ('{text}')" if text else ""),
        fix,
        alternatives if fix[0] == "missing" else ("--missing category",),
    )
    return ColumnPlan(feature, (*plan.problems, problem))
