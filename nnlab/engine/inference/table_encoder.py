"""`TableEncoder`: rows of a table become the features that the training made of such rows.

Every column is encoded as the training encoded it, see `nnlab.engine.data.column_encoding`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.column_encoding import INVALID, MISSING, VALID, encode_texts
from nnlab.engine.data.dataset import FeatureColumn
from nnlab.engine.inference.input_batch import InputBatch
from nnlab.engine.inference.input_options import InputOptions
from nnlab.engine.inference.input_report import InputReport
from nnlab.engine.inference.model_description import ModelDescription
from nnlab.engine.inference.table_rows import TableBatch
from nnlab.errors import DataError
from nnlab.io.text import format_count

# What a cell of a column should be, by its encoding.
_NOUNS = {
    "plain": "number",
    "boolean": "yes or no",
    "date": "date",
    "date_parts": "date",
    "hash": "text",
    "embed": "text",
}


class TableEncoder:
    """Encodes the rows of one table; `finish` must be called after the last batch.

    Problems are added to `report`, not raised, so that all of them are known at the end.
    """

    def __init__(
        self, description: ModelDescription, options: InputOptions, report: InputReport
    ) -> None:
        self._description, self._options, self._report = description, options, report
        self._columns = description.columns
        self._num_rows = 0
        self._absent: dict[str, int] = {}
        self._unknown_columns: dict[str, None] = {}
        self._targets_present: dict[str, None] = {}

    def encode(self, batch: TableBatch) -> InputBatch:
        """The examples of a batch of rows.

        Raises:
            DataError: the model has no names for its inputs, and the number of columns differs.
        """
        count = len(batch)
        if not self._columns:
            self._columns = self._columns_by_position(batch)
        features = [self._encode_column(column, batch) for column in self._columns]
        examples = np.concatenate([part for part, _ in features], axis=1)
        invalid = np.logical_or.reduce([np.array(batch.uneven), *(bad for _, bad in features)])
        self._report_uneven(batch)
        examples[invalid] = 0.0
        ids = self._ids(batch)
        targets = {
            name: [cell or "" for cell in batch.columns[name]]
            for name in self._description.target_columns
            if name in batch.columns
        }
        self._targets_present |= dict.fromkeys(targets)
        used = {column.name for column in self._columns} | {self._options.id_column, *targets}
        self._unknown_columns |= dict.fromkeys(name for name in batch.columns if name not in used)
        self._num_rows += count
        numbered = self._options.id_column is None
        single = targets.get(self._description.target_name)
        return InputBatch(ids, examples, invalid, single, numbered, targets or None)

    def finish(self) -> None:
        """Adds the problems and notes that concern the whole table."""
        for name, count in self._absent.items():
            if count == self._num_rows:
                self._report.problem(
                    "missing column", "", "columns that the model needs are missing",
                    "add them, with the names of the training data", is_error=True,
                ).add([f"'{name}'"])  # fmt: skip
            else:
                self._add_invalid("missing value", name, "the value is missing", [], count)
        if self._unknown_columns:
            names = ", ".join(f"'{name}'" for name in list(self._unknown_columns)[:10])
            more = ", ..." if len(self._unknown_columns) > 10 else ""
            columns = format_count(len(self._unknown_columns), "column")
            self._report.notes.append(f"{columns} that the model does not use: {names}{more}")
        if self._targets_present and not self._options.uses_targets:
            targets = ", ".join(f"'{name}'" for name in self._targets_present)
            subject, verb = (
                ("columns", "are") if len(self._targets_present) > 1 else ("column", "is")
            )
            self._report.notes.append(
                f"the target {subject} {targets} {verb} not used for predictions"
            )

    def _columns_by_position(self, batch: TableBatch) -> tuple[FeatureColumn, ...]:
        """Numeric columns in the order of the file, for a model without names of its inputs."""
        names = [name for name in batch.columns if name != self._options.id_column]
        if self._description.in_shape != (len(names),):
            raise DataError(
                f"the model was not trained on a table: it needs examples of shape"
                f" {list(self._description.in_shape)}, and the file has"
                f" {format_count(len(names), 'column')}",
                hint="--id COLUMN names a column that is not an input;"
                " an .npz file may contain arrays of any shape",
            )
        return tuple(FeatureColumn(name) for name in names)

    def _encode_column(
        self, column: FeatureColumn, batch: TableBatch
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The features [n, 1 or categories] of a column, and which rows are invalid [n]."""
        cells = batch.columns.get(column.name, [None] * len(batch))
        absent = np.array([cell is None for cell in cells])
        if absent.any():
            self._absent[column.name] = self._absent.get(column.name, 0) + int(absent.sum())
        texts = [cell or "" for cell in cells]
        encoded = encode_texts(column, texts)
        self._report_faults(column, texts, np.where(absent, VALID, encoded.status), batch.lines)
        faults = np.isin(encoded.status, (MISSING, INVALID))
        return encoded.features, absent | faults

    def _report_faults(
        self,
        column: FeatureColumn,
        cells: Sequence[str],
        status: NDArray[np.int8],
        lines: Sequence[int],
    ) -> None:
        """Reports the cells of a column that have no features of their own."""
        for row in np.flatnonzero(status).tolist():
            if status[row] == MISSING:
                message = "the value is missing"
                self._add_invalid("missing value", column.name, message, [f"line {lines[row]}"])
            elif status[row] == INVALID:
                place = f"'{cells[row]}' in line {lines[row]}"
                message = f"the value is not a {_NOUNS[column.encoding]}"
                self._add_invalid("number", column.name, message, [place])
            else:
                self._add_unseen(column, cells[row])

    def _add_unseen(self, column: FeatureColumn, cell: str) -> None:
        strict = self._options.unseen == "error"
        self._report.problem(
            "category",
            column.name,
            f"column '{column.name}': a category that the training data does not have",
            "--unseen zeros encodes it as no category"
            if strict
            else "encoded as no category; --unseen error refuses it",
            is_error=strict,
        ).add([f"'{cell}'"])

    def _add_invalid(
        self, kind: str, name: str, message: str, places: Sequence[str], count: int | None = None
    ) -> None:
        self._report.problem(
            kind,
            name,
            f"column '{name}': {message}",
            self._options.invalid_solution,
            is_error=self._options.refuses_invalid,
        ).add(places, count)

    def _report_uneven(self, batch: TableBatch) -> None:
        places = [
            f"line {line}" for line, bad in zip(batch.lines, batch.uneven, strict=True) if bad
        ]
        if places:
            self._report.problem(
                "uneven",
                "",
                "a row has more or fewer values than the header",
                self._options.invalid_solution,
                is_error=self._options.refuses_invalid,
            ).add(places)

    def _ids(self, batch: TableBatch) -> list[str]:
        column = self._options.id_column
        if column is None:
            return [str(self._num_rows + index) for index in range(1, len(batch) + 1)]
        if column not in batch.columns:
            present = ", ".join(batch.columns)
            raise DataError(f"--id {column}: the file has no such column; it has {present}")
        return [cell or "" for cell in batch.columns[column]]
