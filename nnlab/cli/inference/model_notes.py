"""Text and JSON about the models that a command uses."""

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.analysis.model_choice import ModelChoice
from nnlab.cli.output.render import note
from nnlab.io.text import format_count


def describe_choice(choice: ModelChoice) -> str:
    """The runs that are used and why, such as `run 5: seed 1 of trial 2, ...`."""
    numbers = ", ".join(str(run.id) for run in choice.runs)
    noun = "run" if len(choice.runs) == 1 else "runs"
    return f"{noun} {numbers}: {choice.reason}"


def note_choice(choice: ModelChoice) -> None:
    """Prints which runs are used, unless the command names the only one; and the notes."""
    if not choice.names_run or len(choice.runs) > 1:
        note(describe_choice(choice))
    for text in choice.notes:
        note(text)


def choice_json(choice: ModelChoice) -> Mapping[str, Any]:
    """The keys about the models in JSON output."""
    return {"runs": [run.id for run in choice.runs], "reason": choice.reason}


def note_input(warnings: Sequence[str], notes: Sequence[str]) -> None:
    """Prints what is worth knowing about the input."""
    for text in (*warnings, *notes):
        note(text)


def rows_text(rows: int) -> str:
    """The number of rows as text."""
    return format_count(rows, "row")
