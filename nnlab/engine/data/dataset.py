"""A data set as it was read: examples, targets and their names."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import Task

# A spread of numbers that is at most this share of their magnitude is rounding.
ROUNDING_TOLERANCE = 1e-12


def has_one_value(numbers: NDArray[np.float64]) -> bool:
    """Whether numbers [n] differ by rounding at most, in any unit."""
    low, high = float(numbers.min()), float(numbers.max())
    # Halves: the range of very large numbers would overflow.
    return high / 2 - low / 2 <= ROUNDING_TOLERANCE / 2 * max(abs(low), abs(high))


@dataclass(frozen=True, slots=True)
class FeatureColumn:
    """A column of a table: numbers, or a category that became one feature for each value."""

    name: str
    values: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features that it became."""
        return tuple(f"{self.name}={value}" for value in self.values) or (self.name,)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples [n, features] or [n, channels, height, width], and n targets.

    Examples are uint8, float32 or float64; targets are classes 0..c-1 (int64) or numbers
    (float64). `classes` names the classes, empty for regression; `version` is the SHA-256 of a
    file's content, None for a set that is always the same. The last `own_test` rows are the
    set's own test split, the `own_val` rows before them its own validation split. `columns`
    describes a table. `signal` is true where the features are values of a signal, in order.
    `noise_floor` is the mse that no model can be expected to beat, in the target's unit squared.
    """

    name: str
    task: Task
    examples: NDArray[Any]
    targets: NDArray[Any]
    classes: tuple[str, ...] = ()
    version: str | None = None
    own_test: int = 0
    own_val: int = 0
    columns: tuple[FeatureColumn, ...] = ()
    signal: bool = False
    noise_floor: float | None = None

    @property
    def in_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.examples.shape[1:]

    @property
    def outputs(self) -> int:
        """How many outputs a model needs: one a class, or one number."""
        return len(self.classes) if self.task == "classification" else 1

    def fingerprint(self, *splits: NDArray[np.int64]) -> str:
        """SHA-256, 16 hex digits, over examples, targets and the rows of each split."""
        digest = hashlib.sha256()
        for array in (self.examples, self.targets, *splits):
            digest.update(str((array.dtype.str, array.shape)).encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]
