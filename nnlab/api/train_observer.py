"""`TrainObserver`: shows the progress of `nnlab.train`, calls functions of the caller."""

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

from nnlab.analysis.arm_labels import ArmsOfStudies
from nnlab.io.escaping import escape_terminal
from nnlab.records import Epoch, Run
from nnlab.study.events import ExecutionEvent
from nnlab.study.progress_lines import event_line, metrics_line, run_describer, run_result_line
from nnlab.workers.callbacks import RunResult

OnEpoch = Callable[[Run, Epoch], object]
OnRunEnd = Callable[[RunResult], object]

_SECONDS_BETWEEN_LINES = 10.0


class TrainObserver:
    """A view of training that prints lines, or nothing, and calls functions.

    An error of such a function stops the training and is kept in `error`: without this the worker
    would take it for an error of the run. `notes` collects what the user should know.
    """

    def __init__(
        self, *, prints: bool, on_epoch: OnEpoch | None, on_run_end: OnRunEnd | None
    ) -> None:
        self.notes: list[str] = []
        self.error: BaseException | None = None
        self._prints = prints
        self._on_epoch = on_epoch
        self._on_run_end = on_run_end
        self._describe = run_describer(())
        self._printed_at = time.monotonic()

    def create_view(self, runs: Sequence[Run], missing: Sequence[Run], arms: ArmsOfStudies) -> Self:
        """Prepares the labels of runs; the observer itself is the view."""
        del missing
        self._describe = run_describer(runs, arms)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def note(self, text: str) -> None:
        """Keeps a note, and prints it."""
        self.notes.append(text)
        self.say(f"note: {text}")

    def say(self, line: str) -> None:
        """Prints a line if the caller wants to see the progress."""
        if self._prints:
            self._printed_at = time.monotonic()
            sys.stdout.write(escape_terminal(line) + "\n")
            sys.stdout.flush()

    def report(self, event: ExecutionEvent) -> None:
        """Prints an event between runs."""
        self.say(event_line(event))

    def on_run_start(self, run: Run, epoch: int) -> None:
        """Prints the epoch at which a run is resumed."""
        if epoch:
            self.say(f"run {run.id}  {self._describe(run)}  goes on after epoch {epoch}")

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """Calls the function of the caller, and prints the epoch now and then."""
        if time.monotonic() - self._printed_at >= _SECONDS_BETWEEN_LINES:
            number = f"epoch {epoch.number}/{run.epochs_planned}"
            self.say(f"run {run.id}  {number}  {metrics_line(epoch.values, run)}")
        if self._on_epoch is not None:
            self._call(partial(self._on_epoch, run, epoch))

    def on_note(self, run: Run, message: str) -> None:
        """Keeps a note about a run."""
        self.note(f"run {run.id}: {message}")

    def on_run_end(self, result: RunResult) -> None:
        """Prints the result of a run, and calls the function of the caller."""
        self.say(run_result_line(result, self._describe(result.run)))
        # A run that ends because a function failed is not reported to that function.
        if self._on_run_end is not None and self.error is None:
            self._call(partial(self._on_run_end, result))

    def stopping(self) -> None:
        """Prints that the epoch will be finished."""
        self.say("stopping after this epoch; once more stops at once")

    def _call(self, function: Callable[[], object]) -> None:
        """Calls a function of the caller.

        Raises:
            KeyboardInterrupt: the function failed, so the training stops.
        """
        try:
            function()
        except BaseException as error:
            self.error = error
            raise KeyboardInterrupt from error
