"""Views of training: what shows the progress of runs; the command line and the API have their own.

`ForwardingView` also passes ended runs to another function, as `train --notify` needs it.
"""

from collections.abc import Callable
from typing import Protocol, Self

from nnlab.records import Epoch, Run
from nnlab.workers.callbacks import RunCallbacks, RunResult


class TrainView(RunCallbacks, Protocol):
    """Run callbacks that are entered before the first run and exited after the last."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def stopping(self) -> None:
        """Called when the user wants to stop."""


class ForwardingView:
    """Forwards every event to a view, and each ended run to a function as well."""

    def __init__(self, view: TrainView, on_run_end: Callable[[RunResult], object]) -> None:
        self._view = view
        self._on_run_end = on_run_end

    def __enter__(self) -> Self:
        self._view.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._view.__exit__(*error)

    def on_run_start(self, run: Run, epoch: int) -> None:
        """Forwards the start of a run."""
        self._view.on_run_start(run, epoch)

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """Forwards an epoch."""
        self._view.on_epoch_end(run, epoch)

    def on_note(self, run: Run, message: str) -> None:
        """Forwards a note about a run."""
        self._view.on_note(run, message)

    def on_run_end(self, result: RunResult) -> None:
        """Forwards the end of a run to the view, then to the function."""
        self._view.on_run_end(result)
        self._on_run_end(result)

    def stopping(self) -> None:
        """Forwards a request to stop."""
        self._view.stopping()
