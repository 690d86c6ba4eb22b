"""A data set as it was read: examples, targets and their names."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import Task


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples [n, features] or [n, channels, height, width] in float64, and n targets.

    Targets are classes 0..c-1 (int64) or numbers (float64). `classes` names the classes, empty
    for regression; `version` is the SHA-256 of a file's content, None for a built-in set.
    """

    name: str
    task: Task
    examples: NDArray[np.float64]
    targets: NDArray[Any]
    classes: tuple[str, ...] = ()
    version: str | None = None

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
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]
