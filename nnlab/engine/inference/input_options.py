"""`InputOptions`: how the input of a prediction is read."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class InputOptions:
    """How an input is read.

    `id_column` is a column (or array) with an id for each row; by default rows are numbered.
    `unseen` categories are encoded as no category, or are an error. `invalid_rows`, which have
    missing or malformed values, are an error, or their predictions are left blank.
    `uses_targets` says that the input is an evaluation's.
    """

    id_column: str | None = None
    unseen: Literal["zeros", "error"] = "zeros"
    invalid_rows: Literal["error", "blank"] = "error"
    uses_targets: bool = False
