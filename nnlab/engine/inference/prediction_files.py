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
from nnlab.errors import OutputError, UsageError
from nnlab.io.atomic_stream import open_atomic
from nnlab.io.escaping import escape_formula


class PredictionWriter(Protocol):
    """Receives the predictions of consecutive batches."""

    def write(self, batch: InputBatch, predictions: NDArray[Any]) -> None:
        """Writes the predictions [n, outputs] of a batch."""


class CsvPredictions:
    """A CSV table: the id, the prediction, and for classes the probability of each.

    Invalid rows have empty cells. Numbers are the shortest texts that give the same float32.
    """

    def __init__(self, file: IO[str], id_name: str, classes: tuple[str, ...]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._classes = classes
        names = [id_name, "predicted", *(f"probability_{name}" for name in classes)]
        self._writer.writerow([escape_formula(name) for name in names])

    def write(self, batch: InputBatch, predictions: NDArray[Any]) -> None:
        """Writes a row for each example."""
        texts = predictions.astype(str)
        best = predictions.argmax(axis=1)
        for row, (name, invalid) in enumerate(zip(batch.ids, batch.invalid, strict=True)):
            if invalid:
                cells: list[str] = [""] * (1 + len(self._classes))
            elif self._classes:
                cells = [self._classes[best[row]], *texts[row]]
            else:
                cells = [texts[row, 0]]
            self._writer.writerow([escape_formula(str(cell)) for cell in (name, *cells)])


class JsonPredictions:
    """JSON Lines: an object for each row; `predicted` is null for an invalid row."""

    def __init__(self, file: IO[str], id_name: str, classes: tuple[str, ...]) -> None:
        self._file, self._id_name, self._classes = file, id_name, classes

    def write(self, batch: InputBatch, predictions: NDArray[Any]) -> None:
        """Writes an object for each example."""
        for row in prediction_rows(batch, predictions, self._id_name, self._classes):
            self._file.write(json.dumps(row) + "\n")


class _CollectedPredictions:
    """Collects the predictions of all batches, for formats that are written at once."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._parts: list[NDArray[Any]] = []

    def write(self, batch: InputBatch, predictions: NDArray[Any]) -> None:
        """Keeps the predictions of a batch; those of invalid rows are NaN."""
        self.ids += batch.ids
        part = predictions.copy()
        part[batch.invalid] = np.nan
        self._parts.append(part)

    @property
    def predictions(self) -> NDArray[Any]:
        """All predictions, [n, outputs]."""
        return np.concatenate(self._parts)

    def columns(self, id_name: str, classes: tuple[str, ...]) -> dict[str, Any]:
        """The columns of the CSV table."""
        values = self.predictions
        if not classes:
            return {id_name: self.ids, "predicted": values[:, 0]}
        names = [None if np.isnan(row[0]) else classes[int(row.argmax())] for row in values]
        probabilities = {f"probability_{name}": values[:, i] for i, name in enumerate(classes)}
        return {id_name: self.ids, "predicted": names, **probabilities}


def prediction_rows(
    batch: InputBatch, predictions: NDArray[Any], id_name: str, classes: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """The prediction for each example of a batch as an object with stable keys."""
    texts, best = predictions.astype(str), predictions.argmax(axis=1)
    for row, (name, invalid) in enumerate(zip(batch.ids, batch.invalid, strict=True)):
        values: dict[str, Any] = {id_name: int(name) if batch.numbered else name}
        if invalid:
            values["predicted"] = None
        elif classes:
            values["predicted"] = classes[best[row]]
            values["probabilities"] = {
                label: float(text) for label, text in zip(classes, texts[row], strict=True)
            }
        else:
            values["predicted"] = float(texts[row, 0])
        yield values


@contextmanager
def open_prediction_file(
    path: Path, id_name: str, classes: tuple[str, ...]
) -> Iterator[PredictionWriter]:
    """A writer whose file appears under its name when the context ends without an error.

    Raises:
        UsageError: the suffix is not that of a supported format, or a package is missing.
        OutputError: the file cannot be written.
    """
    suffix = check_output_format(path)
    if suffix in (".csv", ".jsonl"):
        with open_atomic(path) as binary:
            text = io.TextIOWrapper(binary, encoding="utf-8", newline="", write_through=True)
            writer = CsvPredictions if suffix == ".csv" else JsonPredictions
            yield writer(text, id_name, classes)
            text.detach()
        return
    collected = _CollectedPredictions()
    yield collected
    with open_atomic(path) as binary:
        if suffix == ".npz":
            arrays = {"predictions": collected.predictions, "classes": np.array(classes)}
            _write_npz(binary, {id_name: np.array(collected.ids), **arrays})
        else:
            _write_parquet(binary, collected.columns(id_name, classes))


def check_id_name(id_name: str, classes: tuple[str, ...]) -> None:
    """Checks that no other column, key or array of the predictions has the name of the ids.

    Raises:
        UsageError: one has.
    """
    others = {"predicted", "probabilities", "predictions", "classes"}
    if id_name in others.union(f"probability_{name}" for name in classes):
        raise UsageError(
            f"--id {id_name}: the predictions have a column of this name themselves",
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
