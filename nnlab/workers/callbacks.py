"""`RunCallbacks`, the events of training that screens and logs receive, and the result of a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from nnlab.records import Epoch, Finding, Run, Status

# The reason that an attempt is stored with.
INTERRUPTED_BY_USER = "stopped by the user during an epoch"


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended: its status, the reason if it did not finish, and the findings.

    `selected_value` is the objective at the selected epoch, `seconds` the duration.
    `selected_errors` are the validation errors of a regression at the selected epoch, in the unit
    of the target. `selected_metric` is the objective of a run of another program.
    """

    run: Run
    status: Status
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    selected_epoch: int | None = None
    selected_value: float | None = None
    seconds: float | None = None
    selected_errors: Mapping[str, float] = field(default_factory=dict)
    selected_metric: str | None = None


class RunCallbacks(Protocol):
    """Receives the events of training, to show or log them."""

    def on_run_start(self, run: Run, epoch: int) -> None:
        """A run starts, or resumes after `epoch` epochs."""

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """An epoch is finished and stored."""

    def on_note(self, run: Run, message: str) -> None:
        """Something that the user should know happened; the run continues."""

    def on_run_end(self, result: RunResult) -> None:
        """This worker has ended its attempt at a run."""


# Trains a queue until all runs have ended; the callable is checked between epochs.
ExecuteQueue = Callable[[RunCallbacks, Callable[[], bool]], object]
