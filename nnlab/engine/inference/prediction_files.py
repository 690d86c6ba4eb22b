"""Writes predictions as CSV, JSON Lines, .npz or Parquet; rows are written as they come."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.inference.input_batch import InputBatch
from nnlab.engine.inference.prediction_fields import PredictionFields, prediction_rows
from nnlab.errors import OutputError, UsageError
from nnlab.io.atomic_stream import open_atomic
from nnlab.io.escaping import escape_formula


class PredictionWriter(Protocol):
    """Receives the predictions of consecutive batches."""

    def write(self, batch: InputBatch, predictions: NDArray[Any]) -> None:
        """Writes the predictions [n, outputs] of a batch."""


class CsvPredictions:
    """A CSV table: the id, the predictions, and for classes and tags the probability of each.

    Invalid rows have empty cells. Numbers are the shortest texts that give the same float32.
    """

    def __init__(self, file: IO[str], fields: PredictionFields) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._fields = fields
        names = [fields.id_name, *fields.columns]
        self._writer.writerow([escape_formula(name) for name in names])

    def write(self, batch: InputBatch, predictions: NDArray[Any]) -> None:
        """Writes a row for each example."""
        texts = predictions.astype(str)
        predicted = self._fields.predicted(predictions) if self._fields.classes else None
        for row, (name, invalid) in enumerate(zip(batch.ids, batch.invalid, strict=True)):
            if invalid:
                cells: list[object] = [""] * len(self._fields.columns)
            else:
                cells = [*texts[row]] if predicted is None else [*predicted[row], *texts[row]]
            self._writer.writerow([escape_formula(str(cell)) for cell in (name, *cells)])


class JsonPredictions:
    """JSON Lines: an object for each row; `predicted` is null for an invalid row."""

    def __init__(self, file: IO[str], fields: PredictionFields) -> None:
        self._file, self._fields = file, fields

    def write(self, batch: InputBatch, predictions: NDArray[Any]) -> None:
        """Writes an object for each example."""
        for row in prediction_rows(batch, predictions, self._fields):
            self._file.write(json.dumps(row) + "\n")


class _CollectedPredictions:
    """Collects the predictions of all batches, for formats that are written at once."""

    def __init__(self, fields: PredictionFields, *, with_probabilities: bool) -> None:
        self.ids: list[str] = []
        self._fields, self._with_probabilities = fields, with_probabilities
        self._parts: dict[str, list[NDArray[Any]]] = {}

    def write(self, batch: InputBatch, predictions: NDArray[Any]) -> None:
        """Keeps the predictions of a batch; those of invalid rows are NaN, their classes -1."""
        self.ids += batch.ids
        part = predictions.copy()
        part[batch.invalid] = np.nan
        if self._fields.is_dense:
            labels = self._fields.predicted_classes(predictions)
            labels[batch.invalid] = -1
            self._add("predicted", labels)
        if not self._fields.is_dense or self._with_probabilities:
            self._add("probabilities" if self._fields.is_dense else "predictions", part)

    def _add(self, name: str, part: NDArray[Any]) -> None:
        self._parts.setdefault(name, []).append(part)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name: predictions, or classes of tokens and pixels; and the names."""
        arrays = {name: np.concatenate(parts) for name, parts in self._parts.items()}
        arrays["classes"] = np.array(self._fields.classes)
        if self._fields.target_names:
            arrays["targets"] = np.array(self._fields.target_names)
        return {self._fields.id_name: np.array(self.ids), **arrays}

    def columns(self) -> dict[str, Any]:
        """The columns of the CSV table; a prediction of an invalid row is missing."""
        fields, values = self._fields, np.concatenate(self._parts["predictions"])
        columns: dict[str, Any] = {fields.id_name: self.ids}
        if not fields.classes:
            return columns | dict(zip(fields.predicted_columns, values.T, strict=True))
        is_invalid = np.isnan(values[:, 0])
        predicted = fields.predicted(np.nan_to_num(values))
        columns["predicted"] = [
            None if invalid else name
            for (name,), invalid in zip(predicted, is_invalid, strict=True)
        ]
        probabilities = zip(fields.columns[1:], values.T, strict=True)
        return columns | dict(probabilities)


@contextmanager
def open_prediction_file(
    path: Path, fields: PredictionFields, *, with_probabilities: bool = False
) -> Iterator[PredictionWriter]:
    """A writer whose file appears under its name when the context ends without an error.

    Args:
        path: the file.
        fields: what is written.
        with_probabilities: write the probabilities of all classes of tokens or pixels too.

    Raises:
        UsageError: the suffix is not that of a supported format, or a package is missing.
        OutputError: the file cannot be written.
    """
    suffix = check_output_format(path)
    check_fits_format(fields, path)
    if suffix in (".csv", ".jsonl"):
        with open_atomic(path) as binary:
            text = io.TextIOWrapper(binary, encoding="utf-8", newline="", write_through=True)
            writer = CsvPredictions if suffix == ".csv" else JsonPredictions
            yield writer(text, fields)
            text.detach()
        return
    collected = _CollectedPredictions(fields, with_probabilities=with_probabilities)
    yield collected
    with open_atomic(path) as binary:
        if suffix == ".npz":
            _write_npz(binary, collected.arrays())
        else:
            _write_parquet(binary, collected.columns())


def check_fits_format(fields: PredictionFields, path: Path | None) -> None:
    """Checks that predictions fit a format; a path of None is a table on standard output.

    Raises:
        UsageError: they are arrays, and the format is a table.
    """
    if fields.is_table or (path is not None and path.suffix.lower() == ".npz"):
        return
    kind = "a class for each token or pixel" if fields.is_dense else "an array"
    shown = "a table on standard output" if path is None else f"--output {path}"
    raise UsageError(
        f"{shown}: a prediction of {fields.task.replace('_', ' ')} is {kind}, which is no row of a"
        " table",
        hint="-o predictions.npz",
    )


def check_id_name(fields: PredictionFields) -> None:
    """Checks that no other column, key or array of the predictions has the name of the ids.

    Raises:
        UsageError: one has.
    """
    others = {"predicted", "probabilities", "predictions", "classes", "targets"}
    if fields.id_name in others.union(fields.columns):
        raise UsageError(
            f"--id {fields.id_name}: the predictions have a column of this name themselves",
            hint="rename this column of the input",
        )


def check_output_format(path: Path) -> str:
    """The suffix of a file of predictions, in lower case.

    Raises:
        UsageError: the format is not supported, or a package is missing.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".jsonl", ".npz", ".parquet"):
        raise UsageError(
            f"--output {path}: predictions are not written as '{suffix}'",
            hint="the name ends in .csv, .jsonl, .npz or .parquet",
        )
    if suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401  optional, needed for this format only
        except ImportError:
            raise UsageError(
                f"--output {path}: a Parquet file needs the package pyarrow",
                hint="pip install pyarrow",
            ) from None
    return suffix


def _write_npz(file: IO[bytes], arrays: dict[str, NDArray[Any]]) -> None:
    # numpy.savez takes no array with the name 'file', which the ids of images have.
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _write_parquet(file: IO[bytes], columns: dict[str, Any]) -> None:
    import pyarrow  # optional, checked by `check_output_format`
    from pyarrow import parquet

    try:
        parquet.write_table(pyarrow.table(columns), file)
    except pyarrow.ArrowException as error:
        raise OutputError(f"the predictions cannot be written: {error}") from None
