"""`InputBatch`: raw examples as every reader of inputs yields them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class InputBatch:
    """Consecutive examples of an input, in its order.

    `examples` are raw: [n, *in_shape], before the transformation of the inputs. `ids` are the
    values of the id column, row numbers or file names. `invalid` [n] marks examples that cannot be
    predicted, whose values are 0. `targets` are the texts or numbers of the targets, None if the
    input has none.
    """

    ids: list[str]
    examples: NDArray[Any]
    invalid: NDArray[np.bool_]
    targets: list[str] | None = None

    def __len__(self) -> int:
        return len(self.ids)
