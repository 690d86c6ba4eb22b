"""The writer of CSV files."""

import csv
from collections.abc import Sequence
from pathlib import Path

from nnlab.exchange.log_writer import ExportedRun
from nnlab.exchange.writers.sample_table import table_columns, table_rows
from nnlab.io.escaping import escape_formula


class CsvTableWriter:
    """Writes one row per sample. Numbers have all their digits; NaN is `nan`, missing is empty."""

    kind = "csv"
    writes_folder = False

    def write(
        self,
        runs: Sequence[ExportedRun],
        output: Path,
        destination: Path,  # noqa: ARG002  the file does not contain its location
    ) -> None:
        """Writes the table of `table_columns` as UTF-8 with a header."""
        with output.open("w", encoding="utf-8", errors="replace", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([escape_formula(column) for column in table_columns(runs)])
            for row in table_rows(runs):
                writer.writerow([escape_formula(cell) for cell in row])
