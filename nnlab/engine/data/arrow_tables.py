"""Tables read by pyarrow, an optional package: Parquet files, and large CSV files.

A CSV file is read by pyarrow only if the result is equal to that of Python's csv module; otherwise
the functions return None, and the caller uses the latter.
"""

import importlib.util
import io
import itertools
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.table_columns import (
    MAX_INTEGER_CLASSES,
    MISSING,
    CellColumn,
    Table,
    is_missing,
    unique_names,
)
from nnlab.errors import DataError
from nnlab.settings.numbers import parse_number

_MISSING_SPELLINGS = [
    "".join(letters)
    for text in MISSING
    for letters in itertools.product(*({letter.lower(), letter.upper()} for letter in text))
]


def is_installed() -> bool:
    """Whether the package pyarrow is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def parse_csv(
    path: Path,
    open_source: Callable[..., Any],
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    target: str,
    text_columns: Collection[str],
    header_lines: int,
) -> Table | None:
    """The table in a CSV file in UTF-8 with commas and a header, without irregular quotes.

    Args:
        path: the file, for messages.
        open_source: returns its content as a file object; the argument `counts_lines` says
            whether its lines must be counted, to find empty ones.
        names: the names in the header, all different.
        sample: its first rows, from which the types of the columns are guessed.
        target: the target column, which keeps its texts unless it has many numbers.
        text_columns: columns whose texts are needed although they are numbers.
        header_lines: the number of lines up to the header.

    Returns:
        None if the content has anything that pyarrow might read in another way.
    """
    cells = {name: [row[index] for row in sample] for index, name in enumerate(names)}
    numeric = [
        name not in text_columns
        and _are_numbers(cells[name])
        and (name != target or len(set(map(parse_number, cells[name]))) > MAX_INTEGER_CLASSES + 1)
        for name in names
    ]
    table = _read_columns(open_source, header_lines, numeric)
    if table is None:
        return None
    columns = []
    for name, is_number, column in zip(names, numeric, table.columns, strict=True):
        if is_number:
            converted = _number_column(name, column)
        else:
            converted = _many_numbers(name, column) if name == target else None
            converted = converted or _text_column(name, column)
        if converted is None:
            return None
        columns.append(converted)
    first = header_lines + 1
    return Table(path, tuple(columns), range(first, first + table.num_rows))


def _read_columns(
    open_source: Callable[..., Any], header_lines: int, numeric: Sequence[bool]
) -> Any:
    """The pyarrow table with numbers or texts in each column; None if a cell does not fit."""
    import pyarrow as pa
    from pyarrow import csv

    names = [str(index) for index in range(len(numeric))]
    types = [pa.float64() if is_number else pa.string() for is_number in numeric]
    # Comparing every cell with the spellings of missing values takes a tenth of the time.
    for null_values in ([], _MISSING_SPELLINGS):
        # The cells of an empty line are empty, which is no number.
        finds_empty_lines = any(numeric) and not null_values
        try:
            return csv.read_csv(
                open_source(counts_lines=not finds_empty_lines),
                csv.ReadOptions(column_names=names, skip_rows=header_lines),
                csv.ParseOptions(ignore_empty_lines=not finds_empty_lines),
                csv.ConvertOptions(
                    column_types=dict(zip(names, types, strict=True)),
                    null_values=null_values,
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowException:
            continue
    return None


def read_parquet(path: Path, content: bytes) -> Table:
    """The table in the content of a Parquet file.

    Raises:
        DataError: pyarrow is not installed, or the file is damaged.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f"{path}: a Parquet file needs the package pyarrow", hint="pip install pyarrow"
        ) from None
    try:
        table = parquet.read_table(io.BytesIO(content))
        names, notes = unique_names(table.column_names)
        columns = tuple(
            parquet_column(name, column) for name, column in zip(names, table.columns, strict=True)
        )
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot read {path}: {error}") from None
    if len(columns) < 2 or not table.num_rows:
        raise DataError(f"{path} needs rows of values, a target and at least one feature")
    return Table(path, columns, range(1, table.num_rows + 1), "row", notes)


def _are_numbers(cells: Sequence[str]) -> bool:
    """Whether cells are numbers or missing, and not all of them missing."""
    numbers = [parse_number(cell) is not None for cell in cells]
    return any(numbers) and all(
        is_number or is_missing(cell) for is_number, cell in zip(numbers, cells, strict=True)
    )


def _number_column(name: str, column: Any) -> CellColumn | None:
    """A column of numbers; None if one of them is not finite, which pyarrow accepts in a text."""
    numbers: NDArray[np.float64] = column.to_numpy()
    if np.count_nonzero(np.isfinite(numbers)) != len(numbers) - column.null_count:
        return None
    return CellColumn.of_numbers(name, numbers)


def _many_numbers(name: str, column: Any) -> CellColumn | None:
    """The column as numbers if they have so many values that their spelling has no meaning."""
    import pyarrow as pa

    try:
        numbers = None if column.null_count else _number_column(name, column.cast(pa.float64()))
    except pa.ArrowException:
        return None
    if numbers is None or numbers.numbers is None:
        return None
    return numbers if len(np.unique(numbers.numbers)) > MAX_INTEGER_CLASSES else None


def _text_column(name: str, column: Any) -> CellColumn:
    encoded = column.dictionary_encode().combine_chunks()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    texts = tuple(encoded.dictionary.to_pylist())
    stripped = CellColumn(name, texts, codes)
    return stripped.map_texts(str.strip) if any(t != t.strip() for t in texts) else stripped


def parquet_column(name: str, column: Any) -> CellColumn:
    """A column of pyarrow as the column of a table."""
    import pyarrow as pa
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    if is_number:
        numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        if not np.isinf(numbers).any():
            return CellColumn.of_numbers(name, np.asarray(numbers, np.float64))
    if types.is_boolean(kind) or types.is_temporal(kind) or is_number or types.is_string(kind):
        texts = column.cast(pa.string()).fill_null("")
    else:
        texts = pa.chunked_array([pa.array([_as_text(v) for v in column.to_pylist()], pa.string())])
    return _text_column(name, texts)


def _as_text(value: object) -> str:
    return "" if value is None else str(value)
