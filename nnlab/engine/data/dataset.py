"""The `Dataset` record: examples, targets and their names, before splitting and preprocessing."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import Task
from nnlab.engine.targets.output_shape import output_shape
from nnlab.errors import DataError
from nnlab.settings import DataFacts

# A range of numbers that is at most this share of their magnitude is attributed to rounding.
ROUNDING_TOLERANCE = 1e-12
_HASHED_ROWS = 4096


def has_one_value(numbers: NDArray[np.float64]) -> bool:
    """Whether numbers [n] are equal up to rounding, relative to their magnitude."""
    low, high = float(numbers.min()), float(numbers.max())
    # Halved before the subtraction, because the range of very large numbers would overflow.
    return high / 2 - low / 2 <= ROUNDING_TOLERANCE / 2 * max(abs(low), abs(high))


ColumnEncoding = Literal["plain", "hash", "embed", "boolean", "date", "date_parts"]
DATE_PARTS = ("year", "month", "day", "weekday", "hour")


@dataclass(frozen=True, slots=True)
class FeatureColumn:
    """A column of a table, and how its texts become features; stored with a trained model.

    `values` are the categories of a one-hot encoded or embedded column, empty for others; with
    `missing_category` the last of them stands for missing values. The feature of an embedded column
    is the index of the category from 1, or 0 for an unknown one, and `embedding_size` the length of
    the vector that a model learns for it. `buckets` is the number of features of a hashed column.
    `date_order` is the order of day, month and year in a date.
    `fill` replaces the features of a missing value, if there is one for it; with `indicator` one
    more feature is 1 where the value was missing.
    """

    name: str
    values: tuple[str, ...] = ()
    encoding: ColumnEncoding = "plain"
    buckets: int = 0
    date_order: str = ""
    missing_category: bool = False
    fill: tuple[float, ...] = ()
    indicator: bool = False
    embedding_size: int = 0

    @property
    def is_categorical(self) -> bool:
        """Whether the features are those of categories, not of numbers."""
        return bool(self.values) or self.encoding in ("hash", "embed")

    @property
    def num_embeddings(self) -> int:
        """The number of vectors of an embedded column: one per category, and that of index 0."""
        return len(self.values) + 1

    @property
    def value_names(self) -> tuple[str, ...]:
        """The names of the features without the indicator."""
        if self.encoding == "embed":
            return (self.name,)
        if self.encoding == "hash":
            names = tuple(f"{self.name}#{bucket}" for bucket in range(self.buckets))
            return (*names[:-1], f"{self.name}=(missing)") if self.missing_category else names
        if self.encoding == "date_parts":
            return tuple(f"{self.name}.{part}" for part in DATE_PARTS)
        return tuple(f"{self.name}={value}" for value in self.values) or (self.name,)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the column's features."""
        indicator = (f"{self.name} is missing",) if self.indicator else ()
        return (*self.value_names, *indicator)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples [n, features] or [n, channels, height, width] or tokens [n, T], and n targets.

    Examples are uint8, float32 or float64, or token ids (int64). Targets are classes 0..c-1 [n],
    numbers [n] or [n, k] (float64), tags [n, k] (uint8, 0 or 1), classes of tokens [n, T] or of
    pixels [n, H, W] (int64, -100 where none counts), or None if the input is the target. `classes`
    are the names of the classes or tags, empty for numbers. `target_names` are the names of several
    numbers. `vocabulary` has the names of the token ids 0..V-1 if the examples are tokens, and
    `pad_token` is the id of the padding, if there is one. `version` is the
    SHA-256 of the file's content, None for a set that never changes. The last `num_provided_test`
    rows are the test split that comes with the data set, and the `num_provided_val` rows before
    them its validation split. `columns` describes the columns of a table. `signal` is true if the
    features are consecutive values of a signal. `split_cells` are the cells [n] of the columns of a
    table that determine the splits, by column. `noise_floor` is the lowest expected mse of any
    model, in the squared unit of the target. `target_name` is the name of a table's target column.
    `notes` describe what was detected in a table or left out of it.
    """

    name: str
    task: Task
    examples: NDArray[Any]
    targets: NDArray[Any] | None
    classes: tuple[str, ...] = ()
    version: str | None = None
    num_provided_test: int = 0
    num_provided_val: int = 0
    columns: tuple[FeatureColumn, ...] = ()
    signal: bool = False
    noise_floor: float | None = None
    split_cells: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    target_name: str = ""
    notes: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    pad_token: int | None = None

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def target_array(self) -> NDArray[Any]:
        """The targets of a data set that has them.

        Raises:
            DataError: it has none.
        """
        if self.targets is None:
            raise DataError(f"{self.name} has no targets: the input is the target")
        return self.targets

    @property
    def has_tokens(self) -> bool:
        """Whether the examples are token ids."""
        return bool(self.vocabulary)

    @property
    def in_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.examples.shape[1:]

    @property
    def num_outputs(self) -> int:
        """The number of classes, targets, tags or tokens; reconstruction: of numbers."""
        if self.task == "language_modeling":
            return len(self.vocabulary)
        if self.task == "reconstruction":
            return math.prod(self.in_shape)
        if self.task == "regression":
            return 1 if self.target_array.ndim == 1 else int(self.target_array.shape[1])
        return len(self.classes)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of one output of a model."""
        target_shape = () if self.targets is None else self.targets.shape[1:]
        return output_shape(self.task, self.num_outputs, self.in_shape, target_shape)

    @property
    def facts(self) -> DataFacts:
        """The facts about the data set that the resolution of a config depends on."""
        return DataFacts(
            self.task,
            self.version,
            self.num_provided_test > 0,
            self.num_provided_val > 0,
            self.classes,
            self.notes,
            num_targets=self.num_outputs if self.task == "regression" else 1,
            has_tokens=self.has_tokens,
            # The examples of a lazy data set may not be there yet.
            num_examples=len(self.examples if self.targets is None else self.targets),
        )

    def fingerprint(self, *splits: NDArray[np.int64]) -> str:
        """16 hex digits of the SHA-256 of examples, targets and the rows of each split."""
        digest = hashlib.sha256()
        targets = () if self.targets is None else (self.targets,)
        for array in (self.examples, *targets, *splits):
            digest.update(str((array.dtype.str, array.shape)).encode())
            # In parts, because an array in a file may be larger than the memory.
            for begin in range(0, len(array), _HASHED_ROWS):
                digest.update(np.ascontiguousarray(array[begin : begin + _HASHED_ROWS]).data)
        return digest.hexdigest()[:16]
