"""The writer of Parquet files."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from nnlab.errors import MissingPackage
from nnlab.exchange.log_writer import ExportedRun
from nnlab.exchange.writers.sample_table import Cell, table_columns, table_rows

_ROWS_PER_GROUP = 100_000


class ParquetTableWriter:
    """Writes one row per sample, in groups of rows, so that memory does not grow with the runs."""

    kind = "parquet"
    writes_folder = False

    def write(
        self,
        runs: Sequence[ExportedRun],
        output: Path,
        destination: Path,  # noqa: ARG002  the file does not contain its location
    ) -> None:
        """Writes the table of `table_columns`.

        Raises:
            MissingPackage: pyarrow is not installed.
        """
        try:
            # Imported only here: it is an optional package.
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise MissingPackage(
                "Parquet files need pyarrow", hint="pip install 'nnlab[tables]', or --to csv"
            ) from error
        types = {"integer": pa.int64(), "number": pa.float64(), "text": pa.string()}
        schema = pa.schema([(name, types[kind]) for name, kind in table_columns(runs).items()])
        with pq.ParquetWriter(output, schema) as writer:
            for rows in _groups(table_rows(runs)):
                columns: list[Any] = [
                    pa.array(column, field.type)
                    for column, field in zip(zip(*rows, strict=True), schema, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _groups(rows: Iterator[tuple[Cell, ...]]) -> Iterator[list[tuple[Cell, ...]]]:
    while group := list(islice(rows, _ROWS_PER_GROUP)):
        yield group
