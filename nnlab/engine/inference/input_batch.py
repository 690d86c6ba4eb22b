"""`InputBatch`: raw examples as every reader of inputs yields them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class InputBatch:
    """Consecutive examples of an input, in its order.

    `examples` are raw: [n, *in_shape], before the transformation of the inputs. `ids` are the
    values of the id column, file names, or if they are `numbered` row numbers. `invalid` [n] marks
    examples that cannot be predicted, whose values are 0. `targets` are the texts or numbers of
    the targets, `target_columns` those of several target columns by name, and `target_array` is an
    array [n, ...] of targets; each is None if the input has none.
    """

    ids: list[str]
    examples: NDArray[Any]
    invalid: NDArray[np.bool_]
    targets: list[str] | None = None
    numbered: bool = False
    target_columns: Mapping[str, list[str]] | None = None
    target_array: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.ids)
