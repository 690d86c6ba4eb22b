"""`TargetReader`: the targets of an input, as an evaluation compares them with outputs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnlab.catalogue import Task
from nnlab.engine.data.array_targets import ignore_padding
from nnlab.engine.data.arrays import format_shape
from nnlab.engine.data.column_encoding import parse_boolean
from nnlab.engine.data.number_range import largest_target
from nnlab.engine.data.table_columns import is_missing
from nnlab.engine.data.table_tags import split_tags
from nnlab.engine.data.table_targets import class_key
from nnlab.engine.inference.input_batch import InputBatch
from nnlab.engine.inference.input_data import InputData
from nnlab.engine.inference.model_description import ModelDescription
from nnlab.engine.targets.output_shape import IGNORED_CLASS
from nnlab.errors import DataError
from nnlab.settings.numbers import parse_number

# The value of pixels without a class in files of masks, which have no negative numbers.
_IGNORED_PIXEL = 255
_MAX_ROWS = 1 << 32

Rows = tuple[NDArray[Any], NDArray[np.bool_]]


class TargetReader:
    """Converts the targets of batches, and reports those that are missing or invalid.

    Targets are classes [n], [n, T] or [n, H, W] (int64), numbers [n, k] in their own units
    (float64), or tags [n, k] (float64, 0 or 1). Those of invalid rows are 0.
    """

    def __init__(self, data: InputData, description: ModelDescription) -> None:
        self._data, self._description = data, description
        self._separator = description.config.target_separator
        self._classes: dict[float | str, int] = {
            class_key(name): index for index, name in enumerate(description.classes)
        }
        self._has_numbers_as_names = any(isinstance(key, float) for key in self._classes)
        positions: Mapping[float | str, int] = {
            float(index): index for index in range(len(description.classes))
        }
        self._positions_of_classes = {**self._classes, **positions}
        self._row = 0

    def encode(self, batch: InputBatch) -> tuple[torch.Tensor, NDArray[np.bool_]]:
        """The targets of a batch, and which rows [n] are valid.

        Raises:
            DataError: an array of targets has a wrong shape.
        """
        rows = _READERS[self._description.task](self, batch)
        if rows is None:
            return torch.zeros(len(batch), 1), np.zeros(len(batch), bool)
        values, valid = rows
        self._row += len(batch)
        return torch.from_numpy(values), valid & ~batch.invalid

    def _classes_or_nothing(self, batch: InputBatch) -> Rows | None:
        if batch.targets is None:
            self._report_missing([self._description.target_name])
            return None
        # With names of their own, the classes of an array are numbered.
        is_numbered = batch.target_array is not None and not self._has_numbers_as_names
        classes = self._positions_of_classes if is_numbered else self._classes
        return _split_rows(
            [self._class(text, row, classes) for row, text in enumerate(batch.targets)], int
        )

    def _numbers(self, batch: InputBatch) -> Rows | None:
        rows = self._read_numbers(batch)
        return None if rows is None else self._without_too_large(*rows)

    def _read_numbers(self, batch: InputBatch) -> Rows | None:
        count = self._description.num_outputs
        if count == 1 and batch.targets is not None:
            values, valid = _split_rows(
                [self._number(text, row) for row, text in enumerate(batch.targets)], float
            )
            return values[:, None], valid
        if batch.target_array is not None:
            return self._number_array(batch.target_array, count)
        return self._columns(batch, self._number)

    def _without_too_large(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> Rows:
        """Numbers [n, k] whose squared errors are finite in the number format of the model."""
        description = self._description
        mean = np.array(description.target_means or (description.target_mean,))
        scale = np.array(description.target_scales or (description.target_scale,))
        dtype = np.float64 if description.config.dtype == "float64" else np.float32
        # A bound for any number of rows that fits into memory.
        is_small = np.abs(values / scale - mean / scale) <= largest_target(dtype, _MAX_ROWS)
        for row, column in np.argwhere(~is_small & valid[:, None]).tolist():
            message = (
                "a target is too large for its error to be computed; those of the training"
                f" data have mean {mean[column]:.4g} and standard deviation {scale[column]:.4g}"
            )
            self._add("target size", message, f"{values[row, column]:g} in {self._place(row)}")
        kept = is_small.all(axis=1)
        return np.where(kept[:, None], values, 0.0), valid & kept

    def _tags(self, batch: InputBatch) -> Rows | None:
        if batch.target_array is not None:
            values, valid = self._number_array(batch.target_array, self._description.num_outputs)
            binary = ((values == 0) | (values == 1)).all(axis=1)
            for row in np.flatnonzero(valid & ~binary).tolist():
                self._add("target", "a tag is neither 0 nor 1", self._place(row))
            return values, valid & binary
        if self._separator is None:
            return self._columns(batch, self._tag)
        if batch.targets is None:
            self._report_missing([self._description.target_name])
            return None
        rows = [self._split(text, row) for row, text in enumerate(batch.targets)]
        empty = np.zeros(self._description.num_outputs)
        values = np.stack([empty if row is None else row for row in rows])
        return values, np.array([row is not None for row in rows])

    def _positions(self, batch: InputBatch) -> Rows | None:
        """The classes of tokens or pixels."""
        if batch.target_array is None:
            self._report_missing([])
            return None
        shape = self._description.output_shape
        is_image = self._description.task == "segmentation"
        self._check_shape(batch.target_array, shape[1:] if is_image else shape[:-1])
        classes = batch.target_array.astype(np.float64)  # pixels are often unsigned
        if is_image and len(self._classes) <= _IGNORED_PIXEL:
            classes = np.where(classes == _IGNORED_PIXEL, IGNORED_CLASS, classes)
        classes = ignore_padding(
            classes, batch.examples, self._description.task, self._description.pad_token
        )
        is_class = (classes >= 0) & (classes < self._description.num_outputs)
        is_class &= classes == np.floor(classes)
        is_right = (is_class | (classes == IGNORED_CLASS)).reshape(len(classes), -1)
        valid = np.asarray(is_right.all(axis=1), np.bool_)
        for row in np.flatnonzero(~valid).tolist():
            self._add("class", "a class that the training data does not have", self._place(row))
        return np.where(valid.reshape(-1, *(1,) * (classes.ndim - 1)), classes, 0).astype(
            np.int64
        ), valid

    def _columns(self, batch: InputBatch, parse: Callable[[str, int], float | None]) -> Rows | None:
        """The values of several target columns, [n, k]."""
        columns = batch.target_columns or {}
        names = self._description.target_columns
        absent = [name for name in names if name not in columns]
        if absent or not names:
            self._report_missing(absent)
            return None
        parts = [
            _split_rows([parse(text, row) for row, text in enumerate(columns[name])], float)
            for name in names
        ]
        values, valid = zip(*parts, strict=True)
        return np.stack(values, axis=1), np.asarray(np.stack(valid, axis=1).all(axis=1), np.bool_)

    def _number_array(self, array: NDArray[Any], count: int) -> Rows:
        self._check_shape(array, (count,))
        values = array.astype(np.float64)
        valid = np.asarray(np.isfinite(values).all(axis=1), np.bool_)
        for row in np.flatnonzero(~valid).tolist():
            self._add("target", "a target is not a finite number", self._place(row))
        values[~valid] = 0.0
        return values, valid

    def _check_shape(self, array: NDArray[Any], shape: tuple[int, ...]) -> None:
        if array.shape[1:] != shape or array.dtype.kind not in "iufb":
            raise DataError(
                f"{self._data.shown}: the targets are {array.dtype} {format_shape(array.shape)};"
                f" the model needs numbers [n, {format_shape(shape)[1:]}"
            )

    def _report_missing(self, names: Sequence[str]) -> None:
        shown = ", ".join(f"'{name}'" for name in names if name)
        noun = "target columns" if len(names) > 1 else "target"
        subject = f"the {noun} {shown}" if shown else "the targets"
        verb = "are" if len(names) > 1 else "is"
        self._data.report.problem(
            "targets", "", f"{subject} to compare with {verb} missing", "", is_error=True
        ).add([], 1)

    def _class(self, text: str, row: int, classes: Mapping[float | str, int]) -> int | None:
        label = classes.get(class_key(text))
        if label is None and not self._is_reported_missing(text, row):
            names = ", ".join(str(name) for name in list(classes)[:10])
            message = f"a class that the training data does not have (known: {names})"
            self._add("class", message, f"'{text}' in {self._place(row)}")
        return label

    def _number(self, text: str, row: int) -> float | None:
        number = parse_number(text)
        if number is None and not self._is_reported_missing(text, row):
            self._add("target", "a target is not a number", f"'{text}' in {self._place(row)}")
        return number

    def _tag(self, text: str, row: int) -> float | None:
        word = parse_boolean(text)
        value = parse_number(text) if word is None else word
        if value in (0.0, 1.0):
            return value
        if not self._is_reported_missing(text, row):
            self._add("target", "a tag is neither 0 nor 1", f"'{text}' in {self._place(row)}")
        return None

    def _split(self, text: str, row: int) -> NDArray[np.float64] | None:
        """The tags [k] in a text; an empty text has none."""
        if text and self._is_reported_missing(text, row):
            return None
        tags = split_tags(text, self._separator or "semicolon")
        unknown = [tag for tag in tags if tag not in self._description.classes]
        if unknown:
            message = "a tag that the training data does not have"
            self._add("class", message, f"'{unknown[0]}' in {self._place(row)}")
            return None
        return np.array([name in tags for name in self._description.classes], np.float64)

    def _is_reported_missing(self, text: str, row: int) -> bool:
        if not is_missing(text):
            return False
        self._add("missing target", "a target is missing", self._place(row))
        return True

    def _place(self, row: int) -> str:
        return f"row {self._row + row + 1}"

    def _add(self, kind: str, message: str, place: str) -> None:
        options = self._data.options
        self._data.report.problem(
            kind, "", message, options.invalid_solution, is_error=options.refuses_invalid
        ).add([place])


def _split_rows(
    values: Sequence[float | None], kind: type[int] | type[float]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The values [n], 0 for None, and which of them [n] are not None."""
    numbers = np.array([0 if value is None else value for value in values])
    valid = np.array([value is not None for value in values], bool)
    return numbers.astype(np.int64 if kind is int else np.float64), valid


_READERS: Mapping[Task, Callable[[TargetReader, InputBatch], Rows | None]] = {
    "classification": TargetReader._classes_or_nothing,
    "regression": TargetReader._numbers,
    "multilabel": TargetReader._tags,
    "token_classification": TargetReader._positions,
    "language_modeling": TargetReader._positions,
    "segmentation": TargetReader._positions,
}
