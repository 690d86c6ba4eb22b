"""Who wants to know how the work goes, and what they are told at a run's end."""

from dataclasses import dataclass
from typing import Protocol

from nnlab.records import Epoch, Finding, Run, Status


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended: its status, why if it went wrong, and what its history shows.

    `selected_value` is the objective at the selected epoch, `seconds` the time it took.
    """

    run: Run
    status: Status
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    selected_epoch: int | None = None
    selected_value: float | None = None
    seconds: float | None = None


class RunCallbacks(Protocol):
    """Who wants to know how the work goes: a screen, a log."""

    def started(self, run: Run, epoch: int) -> None:
        """A run begins, or goes on, after `epoch` finished epochs."""

    def epoch(self, run: Run, epoch: Epoch) -> None:
        """An epoch is finished and stored."""

    def noted(self, run: Run, message: str) -> None:
        """Something happened that the user should know, and the run goes on."""

    def ended(self, ended: RunResult) -> None:
        """A run is over for this worker."""
