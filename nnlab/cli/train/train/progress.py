"""Views of training: a progress bar on a terminal, lines in a pipe, or only failures."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from nnlab.cli.output.render import console, rich_text
from nnlab.diagnosis import group_symptoms
from nnlab.diagnosis.headlines import table_findings
from nnlab.records import Epoch, Run, Status
from nnlab.study.progress_lines import (
    DescribeRun,
    epoch_line,
    external_metrics_line,
    metrics_line,
    run_result_line,
)
from nnlab.workers.callbacks import RunResult

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

# Redrawing uses processor time that the training needs.
_REFRESH_PER_SECOND = 4
_SECONDS_BETWEEN_LINES = 10.0
# Columns for a bar of ten cells, the numbers of epochs, the time left, and spaces.
_BAR_WIDTH = 28
_MAX_TITLE = 40


class LinesView:
    """For pipes and logs: a line for each ended run, and one per epoch or every ten seconds."""

    def __init__(
        self, describe: DescribeRun, *, every_epoch: bool = False, stderr: bool = False
    ) -> None:
        self._describe = describe
        self._every_epoch = every_epoch
        self._console = console(stderr=stderr)
        self._printed_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def on_run_start(self, run: Run, epoch: int) -> None:
        """Prints the epoch at which a run is resumed."""
        if epoch:
            # Only the script knows whether it has a checkpoint to start from.
            is_script = run.origin.is_external
            text = "is started again" if is_script else f"goes on after epoch {epoch}"
            self._print_line(f"run {run.id}  {self._describe(run)}  {text}")

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """Prints the epoch if every epoch is shown, or if nothing was printed for a while."""
        is_due = time.monotonic() - self._printed_at >= _SECONDS_BETWEEN_LINES
        if self._every_epoch or is_due:
            self._print_line(f"run {run.id}  {epoch_line(epoch, run)}")

    def on_note(self, run: Run, message: str) -> None:
        """Prints a note about a run."""
        self._print_line(f"run {run.id}  note: {message}")

    def on_run_end(self, result: RunResult) -> None:
        """Prints the result of a run and its most important findings."""
        self._print_line(run_result_line(result, self._describe(result.run)))
        shown = table_findings(result.findings)
        for group in group_symptoms(result.findings):
            if group.finding in shown:
                self._print_line(f"  {group.finding.code} {group.finding.message}")

    def stopping(self) -> None:
        """Prints that the epoch will be finished."""
        self._print_line("stopping after this epoch; once more stops at once")

    def _print_line(self, line: str) -> None:
        self._printed_at = time.monotonic()
        self._console.print(rich_text(line), soft_wrap=True)


class QuietView(LinesView):
    """Prints only failures and notes."""

    def on_run_start(self, run: Run, epoch: int) -> None:
        """Prints nothing."""

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """Prints nothing."""

    def on_run_end(self, result: RunResult) -> None:
        """Prints a failure."""
        if result.status is Status.FAILED:
            self._print_line(run_result_line(result, self._describe(result.run)))

    def stopping(self) -> None:
        """Prints nothing."""


class BarView(LinesView):
    """For a terminal: one bar over all epochs of all runs, with ended runs as lines above it."""

    def __init__(
        self, describe: DescribeRun, *, runs: int, epochs: int, every_epoch: bool = False
    ) -> None:
        super().__init__(describe, every_epoch=every_epoch)
        self._runs, self._ended_runs = runs, 0
        self._epochs_left: dict[int, int] = {}
        self._title = "starting"
        self._bar, self._task = create_progress_bar(self._console, epochs)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def on_run_start(self, run: Run, epoch: int) -> None:
        """Names the run on the bar; epochs before a resumption count as done."""
        super().on_run_start(run, epoch)
        self._epochs_left[run.id] = run.epochs_planned - epoch
        self._title = f"run {self._ended_runs + 1}/{self._runs} {self._describe(run)}"
        title, _ = fit_bar_texts(self._title, "", self._console.width)
        self._bar.update(self._task, description=title, advance=epoch - run.epochs)

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """Advances the bar by an epoch."""
        self._epochs_left[run.id] -= 1
        line = metrics_line(epoch.values, run)
        title, metrics = fit_bar_texts(self._title, line, self._console.width)
        self._bar.update(self._task, advance=1, description=title, metrics=metrics)
        if self._every_epoch:
            super().on_epoch_end(run, epoch)

    def on_run_end(self, result: RunResult) -> None:
        """Advances the bar by the epochs that an early end leaves out, and prints the result."""
        self.skip_rest(result)
        super().on_run_end(result)

    def skip_rest(self, result: RunResult) -> None:
        """Advances the bar by the epochs that an early end of a run leaves out."""
        self._ended_runs += 1
        skipped = self._epochs_left.pop(
            result.run.id, result.run.epochs_planned - result.run.epochs
        )
        if result.status is not Status.INTERRUPTED:
            self._bar.update(self._task, advance=skipped)


class ScriptBarView(BarView):
    """The same for scripts, which do not say how long they train: a bar over the runs."""

    def __init__(self, describe: DescribeRun, *, runs: int, every_epoch: bool = False) -> None:
        super().__init__(describe, runs=runs, epochs=runs, every_epoch=every_epoch)

    def on_run_start(self, run: Run, epoch: int) -> None:
        """Names the run on the bar."""
        LinesView.on_run_start(self, run, epoch)
        self._show(run, "")

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """Shows the newest values of a run next to the bar."""
        self._show(run, f"{run.axis} {epoch.number}  {external_metrics_line(epoch.values)}")
        if self._every_epoch:
            LinesView.on_epoch_end(self, run, epoch)

    def on_run_end(self, result: RunResult) -> None:
        """Advances the bar by a run."""
        self._ended_runs += 1
        self._bar.update(self._task, advance=1)
        LinesView.on_run_end(self, result)

    def stopping(self) -> None:
        """Prints that the scripts get time to save a checkpoint."""
        self._print_line("stopping: scripts get SIGTERM and time to end; once more ends them now")

    def _show(self, run: Run, values: str) -> None:
        title = f"run {run.id} {self._describe(run)}"
        title, metrics = fit_bar_texts(title, values, self._console.width)
        self._bar.update(self._task, description=title, metrics=metrics)


def fit_bar_texts(title: str, metrics: str, width: int) -> tuple[str, str]:
    """The parts of a title and of metrics that fit next to the bar on a screen of `width` cells.

    Words of the title and whole metrics are left out at the end, because rich would cut numbers.

    >>> fit_bar_texts("run 1/4 opt=adam seed=0", "loss 0.25, val 0.5  accuracy 0.9, val 0.8", 80)
    ('run 1/4 opt=adam', 'loss 0.25, val 0.5')
    """
    available = max(width - _BAR_WIDTH, 0)
    title_width = min(_MAX_TITLE, max(available // 3, len("run 100/100")))
    short_title = _leading_parts(title.split(" "), " ", title_width)
    metrics_width = available - len(short_title) - 1
    return short_title, _leading_parts(metrics.split("  "), "  ", metrics_width)


def _leading_parts(parts: Sequence[str], separator: str, width: int) -> str:
    """The first parts, as many as fit into `width` cells."""
    count = next(
        (n for n in range(len(parts), 0, -1) if len(separator.join(parts[:n])) <= width), 0
    )
    return separator.join(parts[:count])


def create_progress_bar(screen: "Console", epochs: int) -> "tuple[Progress, TaskID]":
    """A bar over so many epochs with a field `metrics` next to it; it disappears at the end."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[metrics]}", markup=False),
        TimeRemainingColumn(compact=True),
        console=screen,
        refresh_per_second=_REFRESH_PER_SECOND,
        transient=True,
    )
    return bar, bar.add_task("starting", total=epochs, metrics="")
