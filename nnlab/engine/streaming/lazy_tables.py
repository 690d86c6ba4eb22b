"""Parquet tables that are read in parts: their features are written to a file without a name.

The columns are planned one at a time, as for a table in memory; then the features of each row group
are encoded and written. The file is private to the process and disappears with it.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.arrow_tables import parquet_column
from nnlab.engine.data.csv_table import build_table_dataset
from nnlab.engine.data.dataset import Dataset, FeatureColumn
from nnlab.engine.data.location import find_data_file
from nnlab.engine.data.table_columns import CellColumn, Table, unique_names
from nnlab.engine.data.table_features import encode_features
from nnlab.engine.data.table_options import TableOptions
from nnlab.engine.data.target_columns import find_target_columns
from nnlab.errors import DataError
from nnlab.io.files import cache_dir, sha256_of


@dataclass(frozen=True)
class ParquetTable(Table):
    """A Parquet file of which one column, or one row group, is in memory at a time.

    `rows` are the indices [n] of the rows that are used; None for all.
    """

    names: tuple[str, ...] = ()
    rows: NDArray[np.int64] | None = None

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.names

    @cached_property
    def _file(self) -> Any:
        from pyarrow import parquet  # an optional package

        return parquet.ParquetFile(self.path)

    def column(self, name: str) -> CellColumn:
        """The column of a name in the header, read from the file."""
        index = self.names.index(name)
        original = self._file.schema_arrow.names
        occurrence = original[:index].count(original[index])
        table = self._file.read(columns=[original[index]])
        column = parquet_column(name, table.column(occurrence))
        return column if self.rows is None else column.take(self.rows)

    def take(self, rows: NDArray[np.int64]) -> Self:
        """The table of some rows."""
        kept = rows if self.rows is None else self.rows[rows]
        lines = tuple(self.lines[row] for row in rows.tolist())
        return type(self)(self.path, (), lines, self.place, self.notes, self.names, kept)

    def row_groups(self) -> Iterator[Table]:
        """The rows of each row group that are used, as tables in memory."""
        begin = 0
        for group in range(self._file.num_row_groups):
            content = self._file.read_row_group(group)
            end = begin + content.num_rows
            columns = tuple(map(parquet_column, self.names, content.columns))
            table = Table(self.path, columns, range(begin + 1, end + 1), self.place)
            if self.rows is not None:
                inside = self.rows[(self.rows >= begin) & (self.rows < end)]
                table = table.take(inside - begin)
            if len(table):
                yield table
            begin = end


def read_parquet_features(
    name: str, options: TableOptions, *, with_features: bool = True
) -> Dataset:
    """The data set of `parquet:FILE#TARGET`, with its features in a file instead of in memory.

    The features are equal to those of the table in memory.

    Args:
        name: the data set.
        options: how the columns are used.
        with_features: False if the examples are not needed; they have no features then.

    Raises:
        DataError: the file or the target column does not exist, or pyarrow is not installed.
        TableProblems: columns or cells cannot be used.
    """
    path_text, _, target = name.removeprefix("parquet:").partition("#")
    path = find_data_file(path_text, "--data parquet:FILE#TARGET")
    table = _open_table(path)
    targets = find_target_columns(path, target, table.header)
    encode = _features_in_file if with_features else _no_features
    return build_table_dataset(name, table, sha256_of(path)[:16], targets, options, encode)


def _open_table(path: Path) -> ParquetTable:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f"{path}: a Parquet file needs the package pyarrow", hint="pip install pyarrow"
        ) from None
    try:
        with parquet.ParquetFile(path) as file:
            count, columns = file.metadata.num_rows, file.schema_arrow.names
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot read {path}: {error}") from None
    if len(columns) < 2 or not count:
        raise DataError(f"{path} needs rows of values, a target and at least one feature")
    names, notes = unique_names(columns)
    return ParquetTable(path, (), range(1, count + 1), "row", notes, names)


def _features_in_file(
    table: ParquetTable, columns: tuple[FeatureColumn, ...]
) -> NDArray[np.float64]:
    """The features [n, features], mapped into memory from a file."""
    width = sum(len(column.feature_names) for column in columns)
    folder = cache_dir() / "streamed"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        features = np.memmap(file, np.float64, "w+", shape=(len(table), width))
    done = 0
    for part in table.row_groups():
        features[done : done + len(part)] = encode_features(part, columns)
        done += len(part)
    return features


def _no_features(table: ParquetTable, _: tuple[FeatureColumn, ...]) -> NDArray[np.float64]:
    return np.empty((len(table), 0))
