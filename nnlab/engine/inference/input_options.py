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

    @property
    def refuses_invalid(self) -> bool:
        """Whether an invalid row is an error."""
        return self.invalid_rows == "error"

    @property
    def invalid_solution(self) -> str:
        """What solves the problem of an invalid row, or what happened with it."""
        if self.uses_targets:
            option, result = "leaves these rows out", "these rows are left out"
        else:
            option, result = "leaves their predictions empty", "their predictions are empty"
        return f"--invalid-rows blank {option}" if self.refuses_invalid else result
