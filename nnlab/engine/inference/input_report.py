"""`InputReport`: everything that is wrong or worth knowing about the input of a prediction.

All problems of a file are collected and reported at once, each with its count, its first places and
what solves it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nnlab.io.text import format_count

_MAX_EXAMPLES = 5


@dataclass(slots=True)
class InputProblem:
    """One kind of problem: how often it occurs, its first examples, and what solves it.

    Predictions are not written if a problem `is_error`.
    """

    message: str
    solution: str
    is_error: bool
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, examples: Sequence[str], count: int | None = None) -> None:
        """Counts more occurrences, by default one for each example; new examples are kept."""
        self.count += len(examples) if count is None else count
        for example in examples:
            if len(self.examples) < _MAX_EXAMPLES and example not in self.examples:
                self.examples.append(example)

    def __str__(self) -> str:
        shown = ", ".join(self.examples)
        more = ", ..." if self.count > len(self.examples) else ""
        where = f" ({shown}{more})" if shown else ""
        return f"{self.message}{where}" + (f"; {self.solution}" if self.solution else "")


class InputReport:
    """The problems and notes of an input, collected while it is read."""

    def __init__(self) -> None:
        self._problems: dict[tuple[str, str], InputProblem] = {}
        self.notes: list[str] = []

    def problem(
        self, kind: str, subject: str, message: str, solution: str, *, is_error: bool
    ) -> InputProblem:
        """The problem of a kind and a subject, such as a column; created if it is new."""
        key = (kind, subject)
        if key not in self._problems:
            self._problems[key] = InputProblem(message, solution, is_error)
        return self._problems[key]

    @property
    def has_errors(self) -> bool:
        """Whether a problem prevents predictions."""
        return any(problem.is_error for problem in self._problems.values())

    @property
    def errors(self) -> list[str]:
        """The problems that prevent predictions, with their counts."""
        return [_with_count(problem) for problem in self._problems.values() if problem.is_error]

    @property
    def warnings(self) -> list[str]:
        """The other problems, with their counts."""
        return [_with_count(problem) for problem in self._problems.values() if not problem.is_error]


def _with_count(problem: InputProblem) -> str:
    return (
        f"{format_count(problem.count, 'time')}: {problem}" if problem.count > 1 else f"{problem}"
    )
