"""Views of the training of a course: few lines, because it has thousands of runs."""

import sys
import time
from collections.abc import Callable, Sequence

from nnlab.cli.train.train.progress import BarView, QuietView
from nnlab.io.text import format_count
from nnlab.records import Epoch, Run, Status
from nnlab.study.progress_lines import DescribeRun, run_describer, run_result_line
from nnlab.study.train_view import TrainView
from nnlab.workers.callbacks import RunResult

_SECONDS_BETWEEN_LINES = 30.0

# The time left when a fraction of the study's epochs is trained, as text.
TimeLeft = Callable[[float], str]


def study_view(runs: Sequence[Run], missing: Sequence[Run], time_left: TimeLeft) -> TrainView:
    """A bar on a terminal; in a pipe a line every thirty seconds."""
    describe = run_describer(runs)
    epochs = sum(run.epochs_planned - run.epochs for run in missing)
    if sys.stdout.isatty():
        return StudyBarView(describe, runs=len(missing), epochs=epochs)
    return StudyLinesView(describe, epochs, time_left)


class StudyLinesView(QuietView):
    """Prints failures, and every thirty seconds how much is trained.

    Notes about runs are left out: some arms of a study are meant to train badly.
    """

    def __init__(self, describe: DescribeRun, epochs: int, time_left: TimeLeft) -> None:
        super().__init__(describe)
        self._epochs, self._trained_epochs = epochs, 0
        self._time_left = time_left
        self._line_at = time.monotonic()

    def on_note(self, run: Run, message: str) -> None:
        """Prints nothing."""

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """Counts the epoch, and prints how many are trained if that is due."""
        super().on_epoch_end(run, epoch)
        self._trained_epochs += 1
        if time.monotonic() - self._line_at < _SECONDS_BETWEEN_LINES:
            return
        self._line_at = time.monotonic()
        total = format_count(self._epochs, "epoch")
        parts = [f"{self._trained_epochs:,} of {total}"]
        parts.append(self._time_left(self._trained_epochs / max(self._epochs, 1)))
        self._print_line("  " + ", ".join(filter(None, parts)))


class StudyBarView(BarView):
    """A bar over the epochs of a study; of the runs that ended only failures are printed."""

    def on_note(self, run: Run, message: str) -> None:
        """Prints nothing, as in `StudyLinesView`."""

    def on_run_end(self, result: RunResult) -> None:
        """Advances the bar, and prints a failure."""
        self.skip_rest(result)
        if result.status is Status.FAILED:
            self._print_line(run_result_line(result, self._describe(result.run)))
